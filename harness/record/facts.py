"""Facts read off a record."""

from __future__ import annotations

from harness.record.record import RunRecord


def duration_s(record: RunRecord) -> float:
    """From the start of the run to the last thing that it recorded."""
    lines = (
        record.ready,
        record.ended,
        *record.rests[-1:],
        *record.idles[-1:],
        *record.incidents[-1:],
        *record.beats[-1:],
    )
    ends_s = [line.at_s for line in lines if line is not None]
    return max([*ends_s, *(cycle.ended_s for cycle in record.cycles[-1:])], default=0.0)
