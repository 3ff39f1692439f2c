"""Findings that are kept alive by another one: a task holds a context, which holds an agent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .outcome import Finding


@dataclass(frozen=True, slots=True)
class Nest:
    """A finding, and what stays because of it."""

    finding: Finding
    parts: tuple[Finding, ...] = ()
    """What it keeps alive, the nearest first."""


def nested(findings: Sequence[Finding]) -> list[Nest]:
    """Each finding that no other one explains, in order, with those that it explains.

    Args:
        findings: those that are shown, the worst first.
    """
    parts: dict[str, list[Finding]] = {}
    roots: list[Finding] = []
    for finding in findings:
        causes = [other for other in findings if _keeps(other, finding)]
        if causes:
            # The outermost: nothing that is kept itself stands for others.
            cause = min(causes, key=lambda other: (len(other.chain), other.kind != "task"))
            parts.setdefault(_root_of(cause, findings).fingerprint, []).append(finding)
        else:
            roots.append(finding)
    return [
        Nest(root, tuple(sorted(parts.get(root.fingerprint, ()), key=lambda part: len(part.chain))))
        for root in roots
    ]


def _root_of(finding: Finding, findings: Sequence[Finding]) -> Finding:
    """What keeps it, what keeps that, and so on to the first."""
    seen = {finding.fingerprint}
    while True:
        keepers = (other for other in findings if _keeps(other, finding))
        keeper = next((other for other in keepers if other.fingerprint not in seen), None)
        if keeper is None:
            return finding
        seen.add(keeper.fingerprint)
        finding = keeper


def _keeps(keeper: Finding, finding: Finding) -> bool:
    """Whether the chain of an object leads through what the other finding names."""
    if finding.kind != "object" or keeper.fingerprint == finding.fingerprint:
        return False
    if keeper.severity != finding.severity:
        return False
    return any(_is_named(keeper, link) for link in finding.chain[:-1])


def _is_named(keeper: Finding, link: str) -> bool:
    if keeper.kind == "task":
        return link.startswith(f"task {keeper.type}")
    return keeper.kind == "object" and f"<{keeper.type}>" in link


def in_order(nests: Sequence[Nest]) -> Iterator[Finding]:
    """All findings, each followed by its parts."""
    for nest in nests:
        yield nest.finding
        yield from nest.parts
