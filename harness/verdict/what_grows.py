"""What is more at each census: tasks, processes, threads, descriptors, containers, objects,
mappings.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, TypeVar

from ..record.record import Census, RunRecord, TaskGroup
from .suspects import suspects

Name = TypeVar("Name")

MIN_PER_SESSION: Final = 0.08
"""Rarer growth is not told from chance by a handful of censuses."""
ZOMBIE: Final = "zombie"
"""A child process that has ended and that nobody has waited for."""
_DEFUNCT: Final = "<defunct>"
"""Ends the names of these in a census."""
MIN_MAPPED_BYTES: Final = 512.0
"""Per session: less resident memory in one kind of mapping is nobody's leak."""
_PARTS: Final = re.compile(
    r"builtins\.(dict|list|tuple|cell|function|method|set|coroutine|frame|builtin_function_or_method|weakref"
    r"|getset_descriptor|generator|property|type|member_descriptor|wrapper_descriptor|method_descriptor|traceback|module"
    r"|hamt\w*)$"
    r"|collections\.(deque|OrderedDict|defaultdict)|coroutine "
    r"|_asyncio\.|_contextvars\.|asyncio\.(?!exceptions\.)"
    r"|weakref\.|_weakref|_thread\.|threading\.|_io\.|subprocess\.|types\."
)


@dataclass(frozen=True, slots=True)
class Growth:
    """Something that there is more of from census to census."""

    kind: str
    """`task`, `thread`, `child-process`, `descriptor`, `container`, `object` or `native`."""
    name: str
    per_session: float
    key: str
    """Of its cause in the record."""
    made_at: str = ""
    task: TaskGroup | None = None
    label: str = ""
    """Of an object: `executor`, `exception`, `generator` or `async generator`. Of a child process:
    `zombie`.
    """
    words: str = ""
    """Of what was opened or started: how the newest of them was called in full."""

    def with_words(self, words: str) -> Growth:
        """A copy of it with the words of the newest."""
        return replace(self, words=words)

    @property
    def pid(self) -> int | None:
        """The process of a container; None of what all processes are asked for."""
        return int(self.key.partition(":")[0]) if self.kind == "container" else None


def growths(record: RunRecord) -> list[Growth]:
    """All that grows, kind by kind, in each the most first; empty without two censuses.

    What a session leaves is measured from the first census after a third of the sessions, for
    caches and imports come early.
    """
    span = _span(record.censuses)
    if len(span) < 2:
        return []
    return [
        *_tasks(span),
        *_children(span),
        *_counted("thread", span, lambda census: census.threads),
        *_counted("descriptor", span, lambda census: census.descriptors),
        *(Growth("container", "", known.per_session, known.key) for known in suspects(record)),
        *sorted(_objects(span), key=_parts_last),
        *_counted("native", span, lambda census: census.mappings, MIN_MAPPED_BYTES),
    ]


def latest_paths(before: Sequence[str], now: Sequence[str], group: str) -> str:
    """Of what is open now and was not before, the last that belongs to a group of alike paths."""
    from_group = re.compile(re.escape(group).replace(r"\*", ".*"))
    new = list((Counter(now) - Counter(before)).elements())
    return next((path for path in reversed(new) if from_group.fullmatch(path)), "")


def _span(censuses: Sequence[Census]) -> list[Census]:
    """From the first census after a third of the sessions to the last, each with sessions of its
    own.
    """
    own = [census for census, after in pairwise(censuses) if after.sessions > census.sessions]
    own += censuses[-1:]
    if len(own) < 2:
        return []
    last = own[-1].sessions
    early = [census for census in own if census.sessions < min(last / 3, last - 1)]
    return own[min(len(early), len(own) - 2) :]


def _tasks(span: Sequence[Census]) -> Iterator[Growth]:
    def counts(census: Census) -> dict[tuple[str, str], int]:
        by_place: dict[tuple[str, str], int] = {}
        for group in census.tasks:
            key = (group.coroutine, group.made_at)
            by_place[key] = by_place.get(key, 0) + group.count
        return by_place

    for key, rate in _rising([counts(census) for census in span], span, MIN_PER_SESSION):
        alike = [group for group in span[-1].tasks if (group.coroutine, group.made_at) == key]
        group = max(alike, key=lambda group: group.count)
        yield Growth(
            "task",
            group.coroutine,
            rate,
            f"task:{group.coroutine}:{group.made_at}",
            group.made_at,
            group,
        )


def _counted(
    kind: str,
    span: Sequence[Census],
    counts: Callable[[Census], Mapping[str, int]],
    least: float = MIN_PER_SESSION,
) -> Iterator[Growth]:
    for name, rate in _rising([counts(census) for census in span], span, least):
        yield Growth(kind, name, rate, f"{kind}:{name}")


def _children(span: Sequence[Census]) -> Iterator[Growth]:
    """Processes, and those that have ended and are still there."""
    for growth in _counted("child-process", span, lambda census: census.children):
        is_zombie = growth.name.endswith(_DEFUNCT)
        yield replace(growth, label=ZOMBIE if is_zombie else "")


def _objects(span: Sequence[Census]) -> Iterator[Growth]:
    for growth in _counted("object", span, lambda census: census.types):
        yield replace(growth, label=span[-1].labels.get(growth.name, ""))


def _rising(
    counts: Sequence[Mapping[Name, int]], span: Sequence[Census], least: float
) -> list[tuple[Name, float]]:
    """Names and growth per session of what is more at each census that is far enough from the
    one before.
    """
    sessions = span[-1].sessions - span[0].sessions
    far = [
        (counts[place - 1], counts[place])
        for place in range(1, len(span))
        if span[place].sessions - span[place - 1].sessions > 1 / least
    ]
    if not far:
        far = [(counts[-2], counts[-1])]
    rising = []
    for name, last in counts[-1].items():
        rate = (last - counts[0].get(name, 0)) / sessions
        if rate >= least and all(now.get(name, 0) > before.get(name, 0) for before, now in far):
            rising.append((name, rate))
    return sorted(rising, key=lambda item: (-item[1], str(item[0])))


def is_part(name: str) -> bool:
    """Whether a type is a part of something with a name of its own, which says more."""
    return bool(_PARTS.match(name))


def _parts_last(growth: Growth) -> tuple[bool, bool, float]:
    return is_part(growth.name), not growth.label, -growth.per_session
