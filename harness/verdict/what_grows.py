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

from harness.record.record import Census, RunRecord, TaskGroup
from harness.verdict.suspects import suspects

Name = TypeVar("Name")

MIN_PER_SESSION: Final = 0.08
"""Rarer growth is not told from chance by a handful of censuses."""
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
    """Of an object: `executor`, `exception`, `generator` or `async generator`."""
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
        *_counted("child-process", span, lambda census: census.children),
        *_counted("thread", span, lambda census: census.threads),
        *_counted("descriptor", span, lambda census: census.descriptors),
        *(Growth("container", "", one.per_session, one.key) for one in suspects(record)),
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
    own = [one for one, after in pairwise(censuses) if after.sessions > one.sessions] + list(
        censuses[-1:]
    )
    if len(own) < 2:
        return []
    start = next(
        place
        for place, one in enumerate(own)
        if one.sessions >= min(own[-1].sessions / 3, own[-1].sessions - 1)
    )
    return own[min(start, len(own) - 2) :]


def _tasks(span: Sequence[Census]) -> Iterator[Growth]:
    def counts(census: Census) -> dict[tuple[str, str], int]:
        found: dict[tuple[str, str], int] = {}
        for group in census.tasks:
            key = (group.coroutine, group.made_at)
            found[key] = found.get(key, 0) + group.count
        return found

    for key, rate in _rising([counts(census) for census in span], span, MIN_PER_SESSION):
        alike = [group for group in span[-1].tasks if (group.coroutine, group.made_at) == key]
        group = max(alike, key=lambda one: one.count)
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


def _objects(span: Sequence[Census]) -> Iterator[Growth]:
    for one in _counted("object", span, lambda census: census.types):
        yield replace(one, label=span[-1].labels.get(one.name, ""))


def _rising(
    counts: Sequence[Mapping[Name, int]], span: Sequence[Census], least: float
) -> list[tuple[Name, float]]:
    """Names and growth per session of what is more at each census that is far enough from the
    one before.
    """
    sessions = span[-1].sessions - span[0].sessions
    far = [
        one
        for one in range(1, len(span))
        if span[one].sessions - span[one - 1].sessions > 1 / least
    ] or [len(span) - 1]
    found = []
    for name, last in counts[-1].items():
        rate = (last - counts[0].get(name, 0)) / sessions
        if rate >= least and all(
            counts[one].get(name, 0) > counts[one - 1].get(name, 0) for one in far
        ):
            found.append((name, rate))
    return sorted(found, key=lambda item: (-item[1], str(item[0])))


def is_part(name: str) -> bool:
    """Whether a type is a part of something with a name of its own, which says more."""
    return bool(_PARTS.match(name))


def _parts_last(one: Growth) -> tuple[bool, bool, float]:
    return is_part(one.name), not one.label, -one.per_session
