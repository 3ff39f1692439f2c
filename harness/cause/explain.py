"""Evidence for the cause: a census now and then, causes once something leaks. It only adds to
the record.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np

from ..errors import ProbeError
from ..probe.wire import UNREAD
from ..record.facts import first_third, last_third
from ..record.metrics import names
from ..record.record import Bounded, Cause, Causes, Census, Incident, RunRecord
from ..target.probe_answers import CauseAnswer, CensusAnswer, NativeAnswer
from ..target.probe_client import ProbeLink
from ..verdict.container_lengths import Lengths
from ..verdict.suspects import MIN_LENGTHS, UNREADABLE, is_within_bound
from ..verdict.what_grows import ZOMBIE, Growth, growths, latest_paths
from . import native_stacks, process_inventory, untracked_memory
from .bounds import Container, bounding
from .container_in_source import Numbers
from .insertion_code import insertion_of
from .known_caches import is_kept_by_c
from .limits import Limits
from .python_source import function_at, lines_around
from .targets import target_of
from .tracing import sessions_to_trace

MAX_TARGETS: Final = 16
MAX_CONTAINERS: Final = 50
MAX_GRAPHS: Final = 3
"""Of references; each takes about a second in a server of a million objects."""
_DRAWN: Final = ("object", "container")
STACKS_S: Final = 1.0
BUSY_PERCENT: Final = 1.0
"""CPU at rest that is worth asking what it is used for, of one core."""

RunSessions = Callable[[int], Awaitable[int]]
"""Runs so many sessions that the record does not count, and brings the server to rest. Returns how
many were run.
"""


class Explainer:
    """Asks the probe, and follows each container's length from census to census."""

    def __init__(
        self, probe: ProbeLink, pids: Callable[[], Sequence[int]], now_s: Callable[[], float]
    ) -> None:
        self._probe = probe
        self._pids = pids
        self._now_s = now_s
        self._lengths = Lengths()
        self._bounded: frozenset[int] = frozenset()
        """Containers that were seen to have a bound: they are asked for at each census."""
        self._limits = Limits()
        self._sessions = 0
        self._running: frozenset[str] = frozenset()
        """Coroutines of pending tasks, and threads, by name."""
        self._unread = ""
        """Why something of the causes could not be read this time."""
        self._first: frozenset[int] = frozenset()
        """Processes of the first census: those that come later inherit descriptors, and open few
        of their own.
        """

    async def census(self, record: RunRecord) -> Census | Incident:
        """What the heaps hold now, or why that could not be read."""
        rising = (number for _, number in self._lengths.rising(MIN_LENGTHS - 1))
        followed = sorted(self._bounded.union(rising))
        try:
            answers = await self._probe.census(followed)
            return await asyncio.to_thread(self._counted, record, answers)
        except ProbeError as error:
            return Incident(self._now_s(), str(error), source="census")

    def _counted(self, record: RunRecord, answers: Mapping[int, CensusAnswer]) -> Census:
        bounded, only_named = self._told_apart(answers)
        self._lengths.add(
            record.sessions,
            {pid: _read_and_remove(Path(answer.lengths)) for pid, answer in answers.items()},
            {pid: set(answer.apart) - only_named for pid, answer in answers.items()},
        )
        rising = list(self._lengths.rising(MIN_LENGTHS).items())[:MAX_CONTAINERS]
        pids = self._pids()
        self._first = self._first or frozenset(pids)
        self._running = _running(answers.values())
        unread = process_inventory.Unread()
        return Census(
            self._now_s(),
            len(record.cycles),
            record.sessions,
            _summed(answer.names for answer in answers.values()),
            tuple(group for answer in answers.values() for group in answer.tasks),
            {f"{pid}:{number}": lengths for (pid, number), lengths in rising},
            (*bounded, *self._bounded_by_hand(record)),
            _summed(answer.threads for answer in answers.values()),
            process_inventory.descriptors(self._first.intersection(pids), unread),
            process_inventory.children(pids[1:], unread),
            process_inventory.mappings(pids, unread),
            {name: label for answer in answers.values() for name, label in answer.labels.items()},
            _summed([unread, *(answer.skipped for answer in answers.values())]),
        )

    def _told_apart(self, answers: Mapping[int, CensusAnswer]) -> tuple[list[Bounded], set[int]]:
        """Containers with a bound, and the identities of those next to a limit that the source of
        their classes does not keep.
        """
        bounded, only_named = [], set()
        for pid, answer in answers.items():
            for container in answer.bounded:
                if self._limits.is_kept(container):
                    bounded.append(container.of_process(pid))
                    self._bounded |= {int(container.id)}
                else:
                    only_named.add(int(container.id))
        return bounded, only_named

    def _bounded_by_hand(self, record: RunRecord) -> Iterator[Bounded]:
        counted: set[tuple[str, str]] = set()  # one that is followed by its place, too, counts once
        for key, cause in record.causes.items():
            pid, _, number = key.partition(":")
            length = (
                self._lengths.latest((int(pid), int(number))) if cause.bound is not None else None
            )
            if (
                length is not None
                and is_within_bound(record, key, length)
                and (pid, cause.name) not in counted
            ):
                counted.add((pid, cause.name))
                yield Bounded(key, cause.name, length, cause.bound or 0, cause.bytes, cause.objects)

    async def suspects(self, record: RunRecord) -> Causes | Incident | None:
        """What keeps containers alive that have begun to look like leaks; None where that is known
        of all.

        An incident where it could not be found out: a run goes on without.
        """
        self._unread = ""
        self._sessions = record.sessions
        new = [
            growth
            for growth in growths(record)
            if growth.kind == "container" and growth.key not in record.causes
        ]
        try:
            causes = await self._causes(new[:MAX_TARGETS], record.causes)
        except ProbeError as error:
            return Incident(self._now_s(), str(error), source="causes")
        return Causes(self._now_s(), causes, problem=self._unread) if causes else None

    async def causes(self, record: RunRecord, run_sessions: RunSessions) -> Causes:
        """Why all that piles up is still there, where it was made, and what a loop that never
        rests does.
        """
        self._sessions = record.sessions
        everything = growths(record)
        grown = everything[:MAX_TARGETS]
        traced = 0
        causes: dict[str, Cause] = {}
        problem = self._unread = ""
        try:
            if any(not growth.made_at for growth in grown):
                before = process_inventory.open_paths(self._first)
                await self._probe.trace(on=True)
                traced = await run_sessions(sessions_to_trace(record, grown))
                grown = [growth.with_words(self._latest(growth, before)) for growth in grown]
            if not record.started.policy.collect:  # before the trace is over
                causes = await self._garbage(traced)
            of = native_stacks.unaccounted(everything)
            memory = await untracked_memory.cause_of(self._probe, of, traced)
            causes |= await self._causes(grown, record.causes, MAX_GRAPHS)
            causes |= memory
            if _busy_at_rest(record):
                causes |= await self._busy()
            if of and not memory:
                await self._probe.trace(on=False)
                causes[of.key] = await self._native(of, record, run_sessions)
        except ProbeError as error:
            problem = str(error)
        try:
            await self._probe.trace(on=False)
        except ProbeError as error:
            problem = problem or str(error)
        return Causes(
            self._now_s(),
            causes,
            final=True,
            traced_sessions=traced,
            problem=problem or self._unread,
        )

    def _latest(self, grown: Growth, open_before: Sequence[str]) -> str:
        """The words by which the newest of what is open or runs can be found again among what
        was opened or started.
        """
        if grown.kind == "descriptor":
            now = process_inventory.open_paths(self._first)
            # A server that has no descriptor left opens none, but it still asks for them.
            return latest_paths(open_before, now, grown.name) or latest_paths([], now, grown.name)
        if grown.kind == "child-process":
            if grown.label == ZOMBIE:
                return grown.name.removesuffix(process_inventory.DEFUNCT)
            commands = [process_inventory.command(pid) for pid in self._pids()[1:]]
            return next(
                (
                    " ".join(words)
                    for words in reversed(commands)
                    if process_inventory.program(words) == grown.name
                ),
                "",
            )
        return ""

    async def _causes(
        self, grown: Sequence[Growth], known: Mapping[str, Cause], graphs: int = 0
    ) -> dict[str, Cause]:
        """What is known of each now, with a graph for the first so many that may have one."""
        targets = [target for growth in grown if (target := target_of(growth))]
        drawn = [growth.key for growth in grown if growth.kind in _DRAWN][:graphs]
        causes: dict[str, Cause] = {}
        containers: dict[str, Container] = {}
        answers = await self._probe.causes(targets, drawn=drawn) if targets else {}
        for pid, answer in answers.items():
            if (unread := answer.get(UNREAD)) is not None:
                self._unread = unread.state
            for growth in grown:
                told = answer.get(growth.key)
                if told is None or growth.pid not in (None, pid):
                    continue
                if not _says_more(told, causes.get(growth.key)):
                    continue
                cause = causes[growth.key] = _cause(told)
                container = Container.of(cause, told) if growth.kind == "container" else None
                if container is not None:
                    containers[growth.key] = container
        causes |= await self._causes_from_source(containers)
        places = {growth.key: growth.made_at for growth in grown}
        complete = {}
        for key, cause in causes.items():
            merged = _with_known(known[key], cause) if key in known else cause
            place = merged.made_at or places.get(key, "")
            complete[key] = replace(merged, source=lines_around(place))
        return complete

    async def _causes_from_source(self, containers: Mapping[str, Container]) -> dict[str, Cause]:
        """The causes of containers again, with what bounds each, and with the statement that puts
        entries into it.
        """
        if not containers:
            return {}
        numbers = await self._numbers(containers.values())
        sessions_per_s = self._sessions / max(1.0, self._now_s())
        causes = {}
        for key, container in containers.items():
            trim = await asyncio.to_thread(
                bounding, container, numbers, sessions_per_s, self._running
            )
            cause = await asyncio.to_thread(_with_insertion, container, numbers)
            if trim is not None:
                cause = replace(cause, trimmed_at=trim.place, bound=trim.bound)
            elif is_kept_by_c(cause.chain):
                cause = replace(cause, trimmed_at=UNREADABLE)
            causes[key] = cause
        return causes

    async def _numbers(self, containers: Iterable[Container]) -> dict[str, Numbers]:
        """Whole numbers by name, by source file. Without them the code that bounds a container is
        looked for all the same: how long it gets is not known then.
        """
        files = {file for container in containers for file in container.home.files}
        numbers: dict[str, Numbers] = {}
        try:
            for answer in (await self._probe.numbers(files)).values():
                numbers |= answer
        except ProbeError as error:
            self._unread = str(error)
        return numbers

    async def _garbage(self, sessions: int) -> dict[str, Cause]:
        causes = {}
        for answer in (await self._probe.garbage()).values():
            size = answer.bytes // max(1, sum(answer.names.values()))
            for name, count in answer.names.items():
                if count >= max(1, sessions):
                    made = _cause(answer.made.get(name, CauseAnswer()))
                    causes[f"garbage:{name}"] = replace(made, count=count, bytes=size, name=name)
        return causes

    async def _native(self, of: Growth, record: RunRecord, run_sessions: RunSessions) -> Cause:
        """The native stack that allocates what no Python object accounts for."""
        started = await self._probe.native(on=True)
        try:
            sessions = (
                await run_sessions(sessions_to_trace(record, [of])) if _any_watches(started) else 0
            )
        finally:
            ended = await self._probe.native(on=False)
        paths = [
            Path(answer.path)
            for pid, answer in ended.items()
            if not started.get(pid, answer).problem
        ]
        return await asyncio.to_thread(native_stacks.cause_of, paths, sessions)

    async def _busy(self) -> dict[str, Cause]:
        answers = await self._probe.stacks(STACKS_S)
        causes: dict[str, Cause] = {}
        for place, count in sorted(_summed(answers.values()).items(), key=lambda item: -item[1]):
            cause = replace(_cause(CauseAnswer(made_at=place)), count=count)
            key = f"cpu:{cause.made_in or place}"
            known = causes.get(key)
            causes[key] = replace(known, count=known.count + count) if known else cause
        return causes


def _running(answers: Iterable[CensusAnswer]) -> frozenset[str]:
    """Coroutines of pending tasks, and threads, by name."""
    names_running: set[str] = set()
    for answer in answers:
        names_running.update(group.coroutine for group in answer.tasks)
        names_running.update(answer.threads)
    return frozenset(names_running)


def _with_insertion(container: Container, files: Iterable[str]) -> Cause:
    """A container's cause with the statement that puts entries into it, where that is known."""
    cause = container.cause
    insertion = insertion_of(cause.name, container.home, files, cause.made_at)
    if insertion is None:
        return cause
    return replace(cause, made_at=insertion.place, made_in=insertion.function, inserts=True)


def _any_watches(answers: Mapping[int, NativeAnswer]) -> bool:
    return any(not answer.problem for answer in answers.values())


def _says_more(answer: CauseAnswer, known: Cause | None) -> bool:
    return (
        known is None
        or bool(answer.chain and not known.chain)
        or bool(answer.made_at and not known.made_at)
    )


def _cause(answer: CauseAnswer) -> Cause:
    return replace(answer.cause, made_in=function_at(answer.made_at))


def _with_known(known: Cause, now: Cause) -> Cause:
    """What is said now, and what was known before of a thing that was not reached in time this
    time.
    """
    if known.chain and not (now.chain or now.unreached):
        now = replace(now, owner=known.owner, chain=known.chain, name=known.name)
    if now.trimmed_at or now.unreached:
        return now
    return replace(now, trimmed_at=known.trimmed_at, bound=known.bound)


def _busy_at_rest(record: RunRecord) -> bool:
    x = record.series(names.CPU_AT_REST).x
    return len(x) > 1 and median(last_third(x)) > median(first_third(x)) + BUSY_PERCENT


def _summed(counts: Any) -> dict[str, int]:
    total: dict[str, int] = {}
    for addend in counts:
        for name, count in addend.items():
            total[name] = total.get(name, 0) + count
    return total


def _read_and_remove(path: Path) -> Any:
    """The pairs of a census.

    Raises:
        ProbeError: the file cannot be read, or holds no pairs.
    """
    try:
        pairs = np.fromfile(path, dtype=np.uint64)
    except OSError as error:
        raise ProbeError(f"the lengths of containers cannot be read: {error}") from error
    finally:
        path.unlink(missing_ok=True)
    if len(pairs) % 2:
        raise ProbeError(f"{path.name} holds {len(pairs)} numbers, and not pairs")
    return pairs
