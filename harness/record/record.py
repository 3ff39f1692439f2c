"""The record of a run: its lines as they came, and the series derived from them.

The lines can be imported from here as well as from `lines`, where they are defined.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordDamaged
from ..formulas import Floats
from .intake import fit
from .lines import (
    SCHEMA,
    Bounded,
    Cause,
    Causes,
    Census,
    CycleDone,
    FastSample,
    Incident,
    Line,
    LogCounts,
    MemoryStop,
    ProcessReading,
    RestSample,
    RunEnded,
    RunStarted,
    ServerReady,
    SessionResult,
    TaskGroup,
    Turn,
    Values,
    decode_line,
    encode_line,
)
from .metrics import names

__all__ = [
    "SCHEMA",
    "Bounded",
    "Cause",
    "Causes",
    "Census",
    "CycleDone",
    "FastSample",
    "Incident",
    "Line",
    "LogCounts",
    "MemoryStop",
    "ProcessReading",
    "RestSample",
    "RunEnded",
    "RunRecord",
    "RunStarted",
    "Series",
    "ServerReady",
    "SessionResult",
    "TaskGroup",
    "Turn",
    "Values",
    "decode_line",
    "encode_line",
]


@dataclass(frozen=True, slots=True)
class Series:
    """One metric over the rest samples: x (values) at t (cumulative sessions), both of shape
    (n,).
    """

    t: Floats
    x: Floats
    cycles: NDArray[np.int64]
    """The number of the cycle that each sample follows."""


@dataclass(slots=True)
class RunRecord:
    """A run as far as it has come. Append-only: lines are added in the order in which they
    happened.
    """

    started: RunStarted
    ready: ServerReady | None = None
    cycles: list[CycleDone] = field(default_factory=list)
    rests: list[RestSample] = field(default_factory=list)
    """The rest sample before the first cycle, and the one after each."""
    idles: list[RestSample] = field(default_factory=list)
    """Rest samples taken while the run waited for late releases."""
    fast_samples: list[FastSample] = field(default_factory=list)
    censuses: list[Census] = field(default_factory=list)
    causes: dict[str, Cause] = field(default_factory=dict)
    """By the key of what piles up: what is known of it."""
    explained: bool = False
    traced_sessions: int = 0
    cause_problems: list[str] = field(default_factory=list)
    """Why causes could not be found out."""
    answered_causes: int = 0
    """How often they could be."""
    logs: list[LogCounts] = field(default_factory=list)
    incidents: list[Incident] = field(default_factory=list)
    memory_stop: MemoryStop | None = None
    """Where the memory guard ended the run."""
    ended: RunEnded | None = None

    def __post_init__(self) -> None:
        started = fit(self.started)
        assert isinstance(started, RunStarted), "a line stays what it is"
        self.started = started

    @classmethod
    def from_lines(cls, lines: Iterable[Line]) -> RunRecord:
        """Rebuild a record from its lines.

        Raises:
            RecordDamaged: the first line is not the start of a run.
        """
        rest = iter(lines)
        first = next(rest, None)
        if not isinstance(first, RunStarted):
            raise RecordDamaged(
                "the record does not begin with the start of a run", hint="is this a run folder?"
            )
        record = cls(first)
        for line in rest:
            record.add(line)
        return record

    def add(self, line: Line) -> None:
        """Append what was just measured, its texts made printable."""
        line = fit(line)
        match line:
            case RestSample():
                (self.idles if line.idle else self.rests).append(line)
            case CycleDone():
                self.cycles.append(line)
            case FastSample():
                self.fast_samples.append(line)
            case Census():
                self.censuses.append(line)
            case Causes():
                self.causes |= line.causes
                self.explained |= line.final
                self.traced_sessions += line.traced_sessions
                self.cause_problems += [line.problem] if line.problem else []
                self.answered_causes += not line.problem
            case LogCounts():
                self.logs.append(line)
            case Incident():
                self.incidents.append(line)
            case MemoryStop():
                self.memory_stop = line
            case ServerReady():
                self.ready = line
            case RunEnded():
                self.ended = line
            case RunStarted():
                raise RecordDamaged("the record starts twice", hint="each run folder holds one run")

    @property
    def sessions(self) -> int:
        """Sessions done so far, failed ones included."""
        return sum(len(cycle.sessions) for cycle in self.cycles)

    @property
    def failed_sessions(self) -> int:
        """Sessions that did not do what the script says."""
        return sum(cycle.failed_sessions for cycle in self.cycles)

    @property
    def probe_silence(self) -> str:
        """Why nothing was read inside the server; empty where the probe greeted."""
        return self.ready.probe if self.ready else ""

    @property
    def has_probe(self) -> bool:
        """Whether the probe has read anything."""
        return any(names.BLOCKS in rest.values for rest in self.rests)

    def series(self, metric: str) -> Series:
        """The metric over the rest samples that hold it, idle ones left out."""
        having = [rest for rest in self.rests if metric in rest.values]
        return Series(
            t=np.array([rest.sessions for rest in having], dtype=np.float64),
            x=np.array([rest.values[metric] for rest in having], dtype=np.float64),
            cycles=np.array([rest.cycle for rest in having], dtype=np.int64),
        )
