"""What the probe of one process answers, checked by its types."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Annotated

import msgspec

from ..record.record import Bounded, Cause, TaskGroup

Count = Annotated[int, msgspec.Meta(ge=0)]


@dataclass(frozen=True, slots=True)
class Collection:
    """What collecting in one process found."""

    found: tuple[int, ...]
    """Unreachable objects, by collection."""
    took_s: float
    loop_answered: bool | None
    """Whether all event loops took part in time; None where none is running."""
    trimmed: bool
    """Whether malloc was told to give its free pages back."""


@dataclass(frozen=True, slots=True)
class BoundedAnswer(Bounded):
    """A container with a bound, as one process says it: its `id` is that of the object alone."""

    limit: str = ""
    """The attribute that says the bound; empty where the container knows it itself."""
    attribute: str = ""
    """That which holds the container; empty where the container has the limit itself."""
    classes: tuple[str, ...] = ()
    """Qualified names of the classes of what has these attributes."""
    files: tuple[str, ...] = ()
    """Their sources, the interpreter's own left out."""

    def of_process(self, pid: int) -> Bounded:
        """What the record keeps of it."""
        return Bounded(
            f"{pid}:{self.id}",
            self.kind,
            self.length,
            self.bound,
            self.entry_bytes,
            self.entry_objects,
        )


@dataclass(frozen=True, slots=True)
class CensusAnswer:
    """What one process says of its heap."""

    names: dict[str, int]
    """Tracked objects by qualified type or code."""
    tasks: tuple[TaskGroup, ...]
    bounded: tuple[BoundedAnswer, ...]
    threads: dict[str, int]
    labels: dict[str, str]
    apart: tuple[Count, ...]
    """Identities of containers that are not to be followed."""
    lengths: str
    """The file with the lengths of containers, for the caller to remove."""
    skipped: dict[str, int] = field(default_factory=dict)
    """What could not be read, counted by reason."""


@dataclass(frozen=True, slots=True)
class HomeAnswer:
    """What a container hangs on."""

    names: tuple[str, ...]
    files: tuple[str, ...]
    numbers: dict[str, int]
    own: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CauseAnswer(Cause):
    """What one process says of a thing that piles up."""

    overdue_s: float = 0.0
    """For how long its oldest entries have been due and are still there."""
    timed: bool = False
    """Timers take them then."""
    home: HomeAnswer | None = None

    @property
    def cause(self) -> Cause:
        """What the record keeps of it."""
        return Cause(**{known.name: getattr(self, known.name) for known in fields(Cause)})


@dataclass(frozen=True, slots=True)
class GarbageAnswer:
    """What a collection in one process found."""

    names: dict[str, int]
    made: dict[str, CauseAnswer]
    bytes: int


@dataclass(frozen=True, slots=True)
class NativeAnswer:
    """The file into which memray writes, or why there is none."""

    path: str
    problem: str
