"""What piles up, and why: findings from the censuses and chains of a record, the worst first."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from itertools import pairwise
from typing import Final

from harness.record import Census, RunRecord, TaskGroup
from harness.verdict import Finding

LEAST_PER_SESSION: Final = 0.08
"""Rarer growth is not told from chance by a handful of censuses."""
MOST_FINDINGS: Final = 10
_PLAIN_TYPES: Final = re.compile(
    r"builtins\.(dict|list|tuple|cell|function|method|set|coroutine|frame|builtin_function_or_method|weakref|getset_descriptor"
    r"|generator|property|type|member_descriptor|wrapper_descriptor|method_descriptor|traceback|module)$"
    r"|_asyncio\.(Future|FutureIter|Task)|_contextvars\.|asyncio\.events\.|weakref\."
)
"""Parts of something with a name of its own, which says more."""


def findings(record: RunRecord) -> tuple[Finding, ...]:
    """Tasks, containers and types that grow per session; empty without two censuses.

    A session's worth of growth is measured from the first census of the second half of the run, for caches and lazy
    imports come early.
    """
    span = _span(record)
    if span is None:
        return ()
    first, last = span
    sessions = last.sessions - first.sessions
    found = [*_tasks(first, last, sessions), *_containers(record, last), *_types(record, first, last, sessions)]
    return tuple(found[:MOST_FINDINGS])


def growing_types(record: RunRecord) -> list[str]:
    """Types with more objects at every census of the span, those with a telling name first."""
    span = _span(record)
    if span is None:
        return []
    first, last = span
    between = [one for one in record.censuses if first.cycle <= one.cycle <= last.cycle]
    least = LEAST_PER_SESSION * (last.sessions - first.sessions)
    grown = {name: count - first.types.get(name, 0) for name, count in last.types.items()}
    rising = [
        name
        for name, more in grown.items()
        if more >= max(2.0, least)
        and all(
            one.types.get(name, 0) < two.types.get(name, 0)
            for one, two in pairwise(between)
            if two.sessions > one.sessions + 1 / LEAST_PER_SESSION or two is last
        )
    ]
    return sorted(rising, key=lambda name: (bool(_PLAIN_TYPES.match(name)), -grown[name], name))


def _span(record: RunRecord) -> tuple[Census, Census] | None:
    censuses = record.censuses
    if len(censuses) < 2:
        return None
    last = censuses[-1]
    start = next(one for one in censuses if one.sessions >= min(last.sessions / 3, last.sessions - 1))
    first = start if start is not last else censuses[-2]
    return (first, last) if last.sessions > first.sessions else None


def _tasks(first: Census, last: Census, sessions: int) -> Iterator[Finding]:
    def by_cause(tasks: Sequence[TaskGroup]) -> dict[tuple[str, str], int]:
        counts: dict[tuple[str, str], int] = {}
        for group in tasks:
            key = (group.coroutine, group.made_at)
            counts[key] = counts.get(key, 0) + group.count
        return counts

    before, now = by_cause(first.tasks), by_cause(last.tasks)
    grown = {key: (count - before.get(key, 0)) / sessions for key, count in now.items()}
    for key, rate in sorted(grown.items(), key=lambda item: (-item[1], item[0])):
        if rate < LEAST_PER_SESSION:
            return
        alike = [group for group in last.tasks if (group.coroutine, group.made_at) == key]
        one = max(alike, key=lambda group: group.count)
        held = [f"{name} <{kind}>" for name, kind in one.holds.items() if not kind.startswith("builtins.")]
        holds = f" and holds {', '.join(held)}" if held else ""
        made = f", made in {one.made_in} at {one.made_at}" if one.made_at else ""
        words = (
            f"{_rate(rate)} tasks of {one.coroutine} a session are never done{made}; it waits at {one.waits_at}{holds}"
        )
        chain = ("event loop", f"task {one.coroutine}", *(f"local {name}" for name in held))
        yield _finding("task", one.coroutine, rate, words, chain, made=(one.made_at, one.made_in))


def _containers(record: RunRecord, last: Census) -> Iterator[Finding]:
    taken = [one.sessions for one in record.censuses[-_shared(last.rising) :]]
    for name, lengths in sorted(last.rising.items(), key=lambda item: item[1][0] - item[1][-1]):
        chain = record.chains.get(name)
        if chain is None or len(taken) < 3:
            continue
        rate = (lengths[-1] - lengths[-len(taken)]) / max(1, taken[-1] - taken[0])
        if rate >= LEAST_PER_SESSION:
            words = f"{' → '.join(chain)} grows by {_rate(rate)} entries a session"
            yield _finding("container", _last_type(chain), rate, words, chain)


def _shared(rising: Mapping[str, Sequence[int]]) -> int:
    return max((len(lengths) for lengths in rising.values()), default=0)


def _types(record: RunRecord, first: Census, last: Census, sessions: int) -> Iterator[Finding]:
    for name in growing_types(record):
        rate = (last.types[name] - first.types.get(name, 0)) / sessions
        chain = record.chains.get(name, ())
        kept = f", kept by {' → '.join(chain)}" if chain else ""
        yield _finding("object", name, rate, f"{_rate(rate)} {name} a session stay{kept}", chain)


def _last_type(chain: Sequence[str]) -> str:
    return chain[-1].rpartition("<")[2].rstrip(">")


def _rate(rate: float) -> str:
    return f"+{rate:.2f}"


def _finding(
    kind: str, of: str, rate: float, words: str, chain: Sequence[str], *, made: tuple[str, str] = ("", "")
) -> Finding:
    """The fingerprint is of what stays the same on another machine: no folders, lines, numbers or ids."""
    made_at, made_in = made
    same = [kind, of, made_in, *(re.sub(r"[\d:/].*?(?=[)\]>]|$)", "", link) for link in chain)]
    return Finding(
        fingerprint=sha256("\n".join(same).encode()).hexdigest()[:16],
        severity="leak",
        kind=kind,
        type=of,
        count_per_session=round(rate, 3),
        bytes_per_session=0,
        created_at=made_at,
        created_in=made_in or (chain[0] if chain else ""),
        owner=_owner(made_at or " ".join(chain)),
        chain=tuple(chain),
        summary=words,
    )


def _owner(place: str) -> str:
    if "/site-packages/" in place or "/dist-packages/" in place:
        return "dependency"
    return "interpreter" if "/lib/python" in place else "application"
