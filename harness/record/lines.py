"""The lines of run.jsonl: everything that a run measured, in the order in which it happened.

Each line is one JSON object with a `line` field that names its class. History of the schema: 1, the
first. A line is never rewritten; a record that was cut short is readable up to its last whole line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Final

import msgspec

from ..errors import RecordDamaged, UnknownSchema
from .policy import Policy

SCHEMA: Final = 1
MAX_REASON: Final = 200
"""Characters of a reason why a line cannot be read."""
MAX_NUMBER: Final = 2**62
"""Of any number in a line: whole numbers become those of 64 bits, and differences of them, too."""

Values = dict[str, float]
"""Metric name to value; a reading that failed is absent, never 0."""


@dataclass(frozen=True, slots=True)
class RunStarted:
    """The first line: what is run against what, and on which machine."""

    scenario: str
    target: dict[str, str]
    """What is under test, in words: `mode`, `command`, `url`, `protocol`, ..."""
    policy: Policy
    environment: dict[str, str]
    started_at: str
    """UTC, ISO 8601, ends in Z."""
    schema: int = SCHEMA
    per: str = "session"
    """What is counted as a session: `session`, or `message` where the script ran again and again on
    sessions that stayed connected.
    """
    folder: str = ""
    """Where the run was started: paths below it are shown from there."""


@dataclass(frozen=True, slots=True)
class ServerReady:
    """The server answered a handshake."""

    at_s: float
    pid: int
    probe: str
    """Empty when the probe greeted, else why it is not there."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One reply, timed from the send of the user's message, in seconds; a stage that did not
    come is None.
    """

    complete_s: float
    first_text_s: float | None = None
    first_audio_s: float | None = None


@dataclass(frozen=True, slots=True)
class SessionResult:
    """One session of a cycle."""

    ok: bool
    duration_s: float
    failure: str = ""
    """Empty, or the error's class and its message."""
    connect_s: float | None = None
    """From the start of the TCP connection until the server's greeting was complete."""
    turns: tuple[Turn, ...] = ()
    switches_s: tuple[float, ...] = ()
    actions: dict[str, int] = field(default_factory=dict)
    """How often the script did each action."""

    @property
    def timed_out(self) -> bool:
        """Whether it waited in vain to the end of one of its limits."""
        return self.failure.startswith("NoReply:")


@dataclass(frozen=True, slots=True)
class CycleDone:
    """The sessions between two rest samples."""

    cycle: int
    """Counts from 1."""
    began_s: float
    ended_s: float
    sessions: tuple[SessionResult, ...]
    talking_cpu_percent: float | None = None
    """CPU of the process tree from the first connect to the last close, in percent of one core."""
    peaks: Values = field(default_factory=dict)
    """Largest 10 Hz readings of the cycle."""

    @property
    def failed_sessions(self) -> int:
        """Sessions of it that did not do what the script says."""
        return sum(not session.ok for session in self.sessions)


@dataclass(frozen=True, slots=True)
class ProcessReading:
    """One process of the tree in a rest sample."""

    pid: int
    name: str
    values: Values
    """None of a zombie, which holds nothing."""


@dataclass(frozen=True, slots=True)
class RestSample:
    """All metrics at one moment with no session connected (or just the standing ones)."""

    cycle: int
    """Cycles done so far; 0 is the sample before the first."""
    sessions: int
    """Sessions done so far, failed ones included."""
    at_s: float
    settled: bool
    """Whether the server came to rest before the sample."""
    settle_s: float
    values: Values
    processes: tuple[ProcessReading, ...] = ()
    idle: bool = False
    """Taken while the run waited for late releases, after the cycle of that number had its own
    sample.
    """
    collected: bool = False
    """The probe forced a collection just before."""
    problems: dict[str, str] = field(default_factory=dict)
    """Why a source of evidence could not be read: `probe`, `memory` or `files`."""


@dataclass(frozen=True, slots=True)
class FastSample:
    """A 10 Hz sample of what is cheap to read, for plots, peaks and the memory budget. Its line is
    called `beat`.
    """

    at_s: float
    values: Values


@dataclass(frozen=True, slots=True)
class TaskGroup:
    """Pending tasks that are alike."""

    coroutine: str
    made_at: str
    """`path:line` of the call that made them; empty where that was not seen."""
    made_in: str
    waits_at: str
    holds: dict[str, str]
    """Names and types of what the coroutine's own frame refers to."""
    count: int
    waits_for: str = ""
    """`timer`, or the type of what it awaits."""
    left: int = 0
    """How many of them belong to sessions that are closed."""
    closed_sessions: int = 0
    """Of how many sessions these are."""
    newest_closed_s: float = 0.0
    """For how long all of these sessions have been closed at least, and the oldest of them."""
    oldest_closed_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Bounded:
    """A container that has a bound."""

    id: str
    """Of the process and the object."""
    kind: str
    length: int
    bound: int
    entry_bytes: int
    """What its newest entry leads to; `entry_objects` of it are tracked by the collector."""
    entry_objects: int


@dataclass(frozen=True, slots=True)
class Census:
    """What the server's heaps hold, at rest."""

    at_s: float
    cycle: int
    sessions: int
    types: dict[str, int]
    """Tracked objects by qualified type; functions, coroutines and generators by their code."""
    tasks: tuple[TaskGroup, ...] = ()
    rising: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """By process and identity: lengths of containers that were longer at each of so many
    censuses, up to this one.
    """
    bounded: tuple[Bounded, ...] = ()
    threads: dict[str, int] = field(default_factory=dict)
    """Python's threads by name, without the numbers in it."""
    descriptors: dict[str, int] = field(default_factory=dict)
    """By path or kind, numbers and random words left out."""
    children: dict[str, int] = field(default_factory=dict)
    """Processes of the tree but the first, by command."""
    mappings: dict[str, int] = field(default_factory=dict)
    """Resident bytes by kind of mapping: of malloc's heap, of anonymous memory, of files."""
    labels: dict[str, str] = field(default_factory=dict)
    """Of some types what they are: `executor`, `exception`, `generator`, `async generator`."""
    skipped: dict[str, int] = field(default_factory=dict)
    """Objects, types and tasks that could not be read, by reason."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why one thing that piles up is still there; what is not known is empty."""

    chain: tuple[str, ...] = ()
    """From a root down to it, one link an element."""
    name: str = ""
    """The last part of that path, from a module, class or function on."""
    owner: str = ""
    made_at: str = ""
    """`path:line` of the code that made the newest of them."""
    made_in: str = ""
    """That function, with its class."""
    made_by: str = ""
    inserts: bool = False
    """Of a container: that line puts entries into it. Else it made the newest entry."""
    source: tuple[str, ...] = ()
    """That line and two around it, with their numbers; empty where the file cannot be read."""
    bytes: int = 0
    """What one of them keeps alive."""
    objects: int = 0
    """How many tracked objects that are."""
    of: str = ""
    """Of a container: the type of its entries."""
    trimmed_at: str = ""
    """Of a container: `path:line` of the code that takes something out of it once it is long."""
    bound: int | None = None
    """How long that is; None where it could not be read."""
    state: str = ""
    """Of the newest executor, generator or exception: whether it was shut down, where it waits,
    what it holds.
    """
    count: int = 0
    """How often it was seen, where a census does not tell that."""
    expires_s: float | None = None
    """Of a container: seconds until its newest entries are due; None where they carry no time."""
    unreached: bool = False
    """No module, task, loop or thread leads to it, though it is there."""
    closed_s: float | None = None
    """A task keeps it whose session has been closed for so long; None where none is known to."""
    graph: str = ""
    """What refers to the newest of them, in DOT; the chain's objects are filled with colour. Drawn
    for the worst only.
    """


@dataclass(frozen=True, slots=True)
class Causes:
    """What was found out about things that pile up, by their keys."""

    at_s: float
    causes: dict[str, Cause]
    final: bool = False
    """The leak has been explained as far as it can be."""
    traced_sessions: int = 0
    """Sessions that were run to see where things are made; they belong to no cycle."""
    problem: str = ""
    """Why something could not be found out."""


@dataclass(frozen=True, slots=True)
class LogCounts:
    """How often each pattern has been seen in the server's log so far."""

    at_s: float
    cycle: int
    counts: dict[str, int]
    examples: dict[str, str] = field(default_factory=dict)
    """The first line of each."""
    early: int = 0
    """Lines that came before one that should have preceded them."""
    problem: str = ""
    """Why the log could not be read this time."""
    reason: str = ""
    """Where sessions of the cycle failed: the line that says why, as far as one does."""


PROCESS: Final = "process"
"""The source of an incident: a process of the server is no longer looked into."""


@dataclass(frozen=True, slots=True)
class Incident:
    """Something went wrong; a fatal one ended the run."""

    at_s: float
    what: str
    fatal: bool = False
    interrupted: bool = False
    """The user stopped the run."""
    source: str = ""
    """The source of evidence that failed and left the run without: `census` or `causes`. `process`
    where one process of several is left out from here on.
    """


@dataclass(frozen=True, slots=True)
class MemoryStop:
    """The memory guard ended the run. What was measured until then is judged."""

    at_s: float
    what: str
    """Which limit was passed, by how much."""
    cause: str
    """What was over its limit: `growth` of the server, `machine` or `harness`."""
    held_bytes: float
    """RSS of the server then."""
    grown_bytes: float
    """Of it, since before the first session."""
    open_sessions: int
    """How many sessions were connected, at most; 0 between cycles."""


@dataclass(frozen=True, slots=True)
class RunEnded:
    """The last line of a run that was not cut short."""

    at_s: float
    reason: str


Line = (
    RunStarted
    | ServerReady
    | CycleDone
    | RestSample
    | FastSample
    | Census
    | Causes
    | LogCounts
    | Incident
    | MemoryStop
    | RunEnded
)

_CLASSES: Final[Mapping[str, type[Line]]] = {
    "run": RunStarted,
    "ready": ServerReady,
    "cycle": CycleDone,
    "rest": RestSample,
    "beat": FastSample,
    "census": Census,
    "causes": Causes,
    "log": LogCounts,
    "incident": Incident,
    "memory-stop": MemoryStop,
    "end": RunEnded,
}
_NAMES: Final = {cls: name for name, cls in _CLASSES.items()}


def encode_line(line: Line) -> bytes:
    """One line of run.jsonl, with its newline. JSON has no NaN: a reading that is not a number is
    left out, as one that failed.
    """
    values = _finite(msgspec.to_builtins(line))
    return msgspec.json.encode({"line": _NAMES[type(line)], **values}) + b"\n"


def _finite(value: Any) -> Any:
    """The value without the entries of objects that are not finite numbers."""
    if isinstance(value, dict):
        return {
            key: _finite(item)
            for key, item in value.items()
            if not isinstance(item, float) or isfinite(item)
        }
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


def _check_bounds(value: Any) -> None:
    """Refuse numbers that no count and no reading can have: sums of them are not finite.

    Raises:
        ValueError: there is one.
    """
    if isinstance(value, dict):
        value = value.values()
    elif isinstance(value, int | float):
        if not abs(value) <= MAX_NUMBER:
            raise ValueError(f"a number over {MAX_NUMBER:g}")
        return
    elif not isinstance(value, list):
        return
    for item in value:
        _check_bounds(item)


def decode_line(data: bytes) -> Line:
    """The inverse of `encode_line`; unknown fields are ignored, so that older harnesses read newer
    lines.

    Raises:
        UnknownSchema: the run was written with a schema that this version does not know.
        RecordDamaged: the data is not a record line.
    """
    try:
        raw = msgspec.json.decode(data)
        if raw["line"] == "run" and raw["schema"] != SCHEMA:
            raise UnknownSchema(
                f"the record has schema {raw['schema']}, this version reads {SCHEMA}",
                hint="read it with the version of leak-harness that wrote it, or a newer one",
            )
        _check_bounds(raw)
        return msgspec.convert(raw, _CLASSES[raw["line"]])
    except (msgspec.MsgspecError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise RecordDamaged(
            f"not a line of a run record: {data[:80].decode(errors='replace')!r} "
            f"({str(error)[:MAX_REASON]})",
            hint="is this really a run.jsonl?",
        ) from error
