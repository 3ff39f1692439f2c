"""Values that the collector does not track, and that nothing it tracks holds: interned strings,
or what an extension module keeps. Only the line that allocated them is known.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ..probe.wire import Target
from ..record.record import Cause
from ..target.probe_answers import CauseAnswer
from ..target.probe_client import ProbeLink
from ..verdict.what_grows import MIN_MAPPED_BYTES, Growth
from .python_source import function_at, lines_around

MEMORY_SHARE: Final = 0.5
"""Of what a mapping grows by: Python's own allocations account for it from here on."""


async def cause_of(probe: ProbeLink, of: Growth | None, sessions: int) -> dict[str, Cause]:
    """The line of Python that allocates what no tracked object accounts for, by the growth's key;
    empty where it is not Python's memory.

    Args:
        probe: traces allocations.
        of: the mapping that grows; None where all growth is accounted for.
        sessions: that were traced.

    Raises:
        ProbeError: the probe could not say.
    """
    if of is None:
        return {}
    answers = await probe.causes([Target(key=of.key, kind="memory")])
    told = [answer[of.key] for answer in answers.values() if of.key in answer]
    most = max(told, key=lambda answer: answer.bytes, default=CauseAnswer())
    if not is_python_memory(most.bytes, most.count, sessions, of.per_session):
        return {}
    return {
        of.key: replace(
            most.cause,
            made_in=function_at(most.made_at),
            source=lines_around(most.made_at),
            bytes=most.bytes // most.count,
        )
    }


def is_python_memory(
    size_bytes: int, blocks: int, sessions: int, mapped_bytes_per_session: float
) -> bool:
    """Whether what one line of Python allocated, while sessions were traced, accounts for the
    mapping that grows: a block or more per session, and half of the bytes.
    """
    least = max(MIN_MAPPED_BYTES, MEMORY_SHARE * mapped_bytes_per_session)
    return 0 < sessions <= blocks and size_bytes >= least * sessions
