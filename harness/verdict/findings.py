"""What piles up, and why: findings from what the censuses of a record counted and the causes
found, the worst first.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from itertools import groupby, islice
from typing import Final

from ..record.owners import owner_of_file
from ..record.record import Cause, RunRecord, TaskGroup
from ..units import format_size
from .advice import advice, is_long_text
from .outcome import Finding
from .over_processes import summed
from .problems import problem_of
from .what_grows import Growth, growths, is_part

MAX_SHOWN: Final = 10
MAX_SHOWN_OF_A_KIND: Final = 4
_RANKS: Final = (
    "task",
    "child-process",
    "thread",
    "descriptor",
    "garbage",
    "kept",
    "container",
    "object",
    "native",
    "cpu",
)
"""From what says most to what says least: what comes later is often held by what comes first.

An exception or a generator that a growing container holds itself says more than the container, and
is `kept`.
"""
KINDS: Final = tuple(rank for rank in _RANKS if rank != "kept")
"""The kinds of findings."""
UNNAMED: Final = "a container"
"""The type of a finding whose container could not be named: another run may mean another one by
it.
"""
MIN_PARTS_PER_THING: Final = 4.0
"""Objects of one built-in type that come with a thing of which it is not known what it keeps."""
_WORDS: Final = {
    "task": "{much} tasks per session never finish: `{of}`",
    "child-process": "{much} child processes per session never end: `{of}`",
    "zombie": "{much} child processes per session have ended, and nobody waits for them: `{of}`",
    "thread": "{much} threads per session never end: `{of}`",
    "descriptor": "{much} descriptors per session are never closed: {of}",
    "garbage": "{much} objects per session wait for a collection that does not come: `{of}`",
    "container": "{much} entries per session stay in `{of}`",
    "text": "`{of}` gets longer by {much} characters per session",
    "object": "{much} objects per session stay: `{of}`",
    "native": "{much} per session stay in {of}, and no Python object accounts for them",
    "memory": "{much} blocks of Python memory per session stay",
    "executor": "{much} executors per session stay: `{of}`",
    "exception": "{much} exceptions per session stay: `{of}`",
    "generator": "{much} generators per session stay: `{of}`",
    "async generator": "{much} async generators per session stay: `{of}`",
    "cpu": "at rest, {much} samples of its stack found the server busy in `{of}`",
}
"""By kind: how much of what stays. `much` is a count, or a size of memory."""
PYTHON_MEMORY: Final = "Python memory"
"""The type of a finding about values that the collector does not track, and nobody holds."""
UNTRACKED: Final = (
    "No tracked object holds them: they are interned, or an extension module keeps them"
)
UNREACHED: Final = (
    "Nothing in Python leads there: an extension module keeps it, or never gave a reference back"
)
_NAMED_ALIKE: Final = frozenset(("task", "child-process", "thread", "descriptor"))
"""What is made for different reasons may have the same name: its maker tells them apart."""
_NOTHING: Final = Cause()


def all_findings(record: RunRecord, *, severity: str = "leak") -> tuple[Finding, ...]:
    """All that piles up per session, what says most first; empty without two censuses.

    Nothing is left out, so a decision may rest on it. `shown` makes of it what a person reads.

    Args:
        record: the run.
        severity: `leak`, or `notice` for what no gate calls one.
    """
    grown = summed(growths(record), record.causes)
    containers = [growth for growth in grown if growth.kind == "container"]
    entries = {record.causes.get(growth.key, _NOTHING).of for growth in containers}
    ranked: dict[str, list[Finding]] = {rank: [] for rank in _RANKS}
    for growth in grown:
        cause = record.causes.get(growth.key, _NOTHING)
        finding = _finding(_as_memory(growth, cause, record), cause, severity)
        is_kept = growth.label and growth.name in entries and finding.kind == "object"
        ranked["kept" if is_kept else finding.kind].append(finding)
    for key, cause in record.causes.items():
        if _is_other(key):
            ranked[key.partition(":")[0]].append(_found_otherwise(key, cause, record, severity))
    return tuple(finding for rank in _RANKS for finding in sorted(ranked[rank], key=_rank))


def shown(findings: Sequence[Finding], *, first: Collection[str] = ()) -> tuple[Finding, ...]:
    """What a person reads of all findings: the first few of each kind that say something new. Only
    for display.

    Args:
        findings: all of them, in the order of `all_findings`.
        first: kinds that the gates point at.
    """
    best: list[Finding] = []
    for _, alike in groupby(
        worth_telling(findings, first=first), key=lambda finding: (finding.severity, finding.kind)
    ):
        best += islice(alike, MAX_SHOWN_OF_A_KIND)
    return tuple(best[:MAX_SHOWN])


def as_notice(finding: Finding) -> Finding:
    """The finding as something that is only told. There is nothing to do about it."""
    return replace(finding, severity="notice", advice="")


def why_unexplained(record: RunRecord) -> str:
    """Why a leak has no finding, the likely cause, and what to do next."""
    silence = record.probe_silence
    if not record.has_probe or silence:
        why = " ".join(silence.split()) or "the probe has read nothing"
        return (
            f"Nothing was read inside the server: {why}. Start the server with --serve and "
            f"without --no-probe."
        )
    for source in ("census", "causes"):
        if (problem := problem_of(record, source)) is not None:
            return (
                f"The {problem.words}. Please report this with run.jsonl, it is a defect of "
                f"leak-harness."
            )
    if not record.started.policy.explain:
        return "The run was told not to look for causes. Run again without --no-explain."
    if len(record.censuses) < 2:
        return "The run was too short to compare two censuses. Run again with more sessions."
    return (
        "No Python object, task, thread or descriptor grows with the sessions, so native code is "
        "the likely owner. "
        "Install memray in the server's Python (pip install memray) and run again."
    )


def worth_telling(findings: Sequence[Finding], *, first: Collection[str] = ()) -> list[Finding]:
    """Findings that say something new, leaks before notices; a leak is never left out for what a
    notice says.

    Args:
        findings: all of them, in the order of `all_findings`.
        first: kinds that the gates point at.
    """

    def rank(finding: Finding) -> tuple[bool, bool]:
        return finding.severity == "notice", finding.kind not in first

    told: list[Finding] = []
    for finding in sorted(findings, key=rank):
        if _is_worth_telling(finding, told):
            told.append(finding)
    return told


def comes_with_others(finding: Finding) -> bool:
    """Whether it grows with what is in it or around it: parts, the interpreter's own lists,
    mappings.
    """
    is_part_of_object = finding.kind == "object" and is_part(finding.type)
    is_own_list = finding.kind == "container" and finding.owner == "interpreter"
    return is_part_of_object or is_own_list or finding.kind == "native"


def objects_per_session(record: RunRecord) -> dict[str, float]:
    """By fingerprint: at most so many tracked objects of one type stay per session with what a
    finding names.
    """
    kept: dict[str, float] = {}
    for growth in growths(record):
        if growth.kind != "native":
            cause = record.causes.get(growth.key, _NOTHING)
            objects = growth.per_session * max(MIN_PARTS_PER_THING, cause.objects)
            fingerprint = _finding(growth, cause, "leak").fingerprint
            kept[fingerprint] = kept.get(fingerprint, 0.0) + objects
    return kept


def _as_memory(growth: Growth, cause: Cause, record: RunRecord) -> Growth:
    """Blocks of Python, where those account for a mapping that grows; else the growth itself."""
    if growth.kind != "native" or not cause.count:
        return growth
    rate = cause.count / max(1, record.traced_sessions)
    return Growth("object", PYTHON_MEMORY, rate, growth.key, label="memory")


def _is_other(key: str) -> bool:
    return key.startswith(("garbage:", "cpu:"))


def _is_worth_telling(finding: Finding, better: Sequence[Finding]) -> bool:
    """The interpreter's own lists grow with what is in them; mappings with what Python keeps."""
    if finding.kind == "native":
        return not any(known.kind in ("task", "container", "object", "garbage") for known in better)
    if finding.kind == "object" and is_part(finding.type):
        return not better
    if finding.owner == "interpreter" and better:
        return False
    return not any(
        known.type == finding.type and known.kind != finding.kind for known in better
    ) and finding.fingerprint not in {known.fingerprint for known in better}


def _rank(finding: Finding) -> tuple[bool, int, bool, float, float]:
    owners = ("application", "dependency", "interpreter")
    part = finding.kind == "object" and is_part(finding.type)
    return (
        part,
        owners.index(finding.owner),
        not finding.created_at,
        -finding.bytes_per_session,
        -finding.count_per_session,
    )


def _finding(grown: Growth, cause: Cause, severity: str) -> Finding:
    of = _plain(cause.name) or grown.name or cause.of or UNNAMED
    made_at, made_in = (
        (grown.made_at, grown.task.made_in) if grown.task else (cause.made_at, cause.made_in)
    )
    chain = _chain_of_task(grown) if grown.task else cause.chain
    size = grown.per_session if grown.kind == "native" else cause.bytes * grown.per_session
    return Finding(
        fingerprint=_fingerprint(grown.kind, of, made_in if _is_named_alike(grown) else ""),
        severity=severity,
        kind="thread" if grown.label == "executor" else grown.kind,
        type=of if grown.kind != "object" else grown.name,
        count_per_session=0.0 if grown.kind == "native" else round(grown.per_session, 3),
        bytes_per_session=round(size),
        created_at=made_at,
        created_in=made_in,
        owner=_owner(grown, cause),
        chain=chain,
        summary=". ".join(_sentences(grown, cause, of, _created(made_at, made_in, cause), size)),
        advice=advice(grown.kind, grown, cause, of),
        source=cause.source,
    )


def _is_named_alike(grown: Growth) -> bool:
    return grown.kind in _NAMED_ALIKE or grown.label == "memory"


def _created(place: str, function: str, cause: Cause = _NOTHING) -> str:
    verb = "added" if cause.inserts else "created"
    return f", {verb} in `{function or 'the module'}` ({place})" if place else ""


def _sentences(
    grown: Growth, cause: Cause, of: str, created: str, size_bytes: float
) -> Iterator[str]:
    """What stays, what it waits for and holds, whose it is, how large it is, what keeps it."""
    is_native = grown.kind == "native"
    much = format_size(grown.per_session) if is_native else f"{grown.per_session:.2f}"
    name = of
    if grown.kind == "object":
        name = grown.name.removeprefix(f"{grown.label.replace(' ', '_')} ")
    is_text = is_long_text(grown, cause)
    words = "text" if is_text else grown.label or grown.kind
    yield _WORDS[words].format(much=much, of=name) + created
    if grown.task is not None:
        held = ", ".join(_held(grown))
        yield f"Each waits at {grown.task.waits_at}" + (f" and holds {held}" if held else "")
        if grown.task.left:
            yield _owners(grown.task)
    elif cause.of and not is_text:
        yield f"The newest is a {cause.of}"
    elif cause.state:
        yield f"{cause.state[0].upper()}{cause.state[1:]}"
    if size_bytes >= 1 and not is_native:
        yield f"They hold {format_size(round(size_bytes))} per session"
    if cause.chain and grown.kind == "object":
        yield f"Kept by {' → '.join(cause.chain)}"
    elif cause.unreached:
        yield UNREACHED
    elif grown.label == "memory":
        yield UNTRACKED
    if cause.closed_s is not None:
        yield f"The session of that task was closed more than {cause.closed_s:.0f} s ago"


def _owners(task: TaskGroup) -> str:
    """Whose the tasks are, as far as that is known."""
    sessions = f"{task.closed_sessions} session{'s' if task.closed_sessions > 1 else ''}"
    which = "They" if task.left == task.count else f"{task.left} of these {task.count}"
    was = "were" if task.closed_sessions > 1 else "was"
    closed = f"{was} closed more than {task.newest_closed_s:.0f} s ago"
    return f"{which} belong to {sessions} that {closed}"


def _chain_of_task(grown: Growth) -> tuple[str, ...]:
    assert grown.task is not None, "asked for tasks only"
    waits_for = (grown.task.waits_for,) if grown.task.waits_for else ()
    frame = f"coroutine frame {grown.task.waits_at}"
    return (
        "event loop",
        *waits_for,
        f"task {grown.name}",
        frame,
        *(f"local {name}" for name in _held(grown)),
    )


def _held(grown: Growth) -> Iterator[str]:
    if grown.task is not None:
        for name, kind in grown.task.holds.items():
            if not kind.startswith("builtins."):
                yield f"{name} <{kind}>"


def _owner(grown: Growth, cause: Cause) -> str:
    if grown.kind == "container":  # who keeps it, not who fills it
        return cause.owner or "interpreter"
    if cause.made_by or cause.owner:
        return cause.made_by or cause.owner
    return owner_of_file(grown.made_at) if grown.task else "application"


def _found_otherwise(key: str, cause: Cause, record: RunRecord, severity: str) -> Finding:
    """Garbage, and what a loop that never rests does: they were counted once, when the leak was
    explained.
    """
    kind, _, of = key.partition(":")
    sessions = max(1, record.traced_sessions)
    rate = cause.count / sessions if kind == "garbage" else 0.0
    name = of if kind == "garbage" else (cause.made_in or of)
    much = f"{rate:.2f}" if kind == "garbage" else f"{cause.count}"
    where = _created(cause.made_at, cause.made_in)
    if kind != "garbage" and cause.made_at:
        where = f" ({cause.made_at})"
    return Finding(
        fingerprint=_fingerprint(kind, name, ""),
        severity=severity,
        kind=kind,
        type=name,
        count_per_session=round(rate, 3) if kind == "garbage" else float(cause.count),
        bytes_per_session=round(cause.bytes * rate),
        created_at=cause.made_at,
        created_in=cause.made_in,
        owner=cause.made_by or owner_of_file(cause.made_at),
        chain=cause.chain,
        summary=_WORDS[kind].format(much=much, of=name) + where,
        advice=advice(kind, None, cause, name),
        source=cause.source,
    )


def _plain(name: str) -> str:
    """A path without what differs from run to run: places in lists, files and lines."""
    return re.sub(r" \([^)]*:\d+\)", "", re.sub(r"\[\d+\]", "[]", name)).strip()


def _fingerprint(*cause: str) -> str:
    """Of what stays the same on another machine: no folders, lines, numbers or ids."""
    return sha256("\n".join(re.sub(r"\d+", "*", part) for part in cause).encode()).hexdigest()[:16]
