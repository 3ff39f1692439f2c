"""A table of rules: an ordered list of questions, of which the first that has an answer decides.

What a rule compares is computed before any rule is asked, and kept in a dataclass of facts. A rule
compares facts and computes nothing. Each rule that was asked leaves a step, so that a person can
follow how a decision came about.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from math import isfinite
from typing import Final, Generic, Literal, TypeVar, get_args

Facts = TypeVar("Facts")
Answer = TypeVar("Answer")

DOCUMENT: Final = "docs/verdict.md"

Section = Literal[
    "constants",
    "gates",
    "order-of-the-verdict",
    "kinds-of-the-memory-gate",
    "the-envelope-test",
    "how-one-metric-is-decided",
    "late-releases",
    "memory-that-is-in-use",
    "memory-outside-malloc",
    "pages-that-are-used-again",
    "runs-that-stop-early",
    "containers-that-fill",
    "orphan-tasks",
    "saw-teeth-that-are-not-whole",
    "caches-of-malloc-in-threads",
    "containers-without-a-maximum",
    "slow-servers",
    "latency-and-cpu",
    "log-and-files",
]
"""Sections of the documentation that derive a rule. One that is new there is added here."""


@dataclass(frozen=True, slots=True)
class Rule(Generic[Facts, Answer]):
    """One question of a table."""

    id: str
    """The table and the case, such as `memory.malloc-grows`. It never changes its meaning."""
    says: str
    """One sentence with its numbers: what the rule decides, and when."""
    source: str
    """The part of the documentation that derives it, such as `docs/verdict.md#the-envelope-test`.
    """
    asks: Callable[[Facts], Answer | None]
    """The answer, or None where this is not the rule's case."""
    compares: tuple[str, ...] = ()
    """Names of the facts that the rule compares: they are kept in its step."""


@dataclass(frozen=True, slots=True)
class Step:
    """One rule that was asked."""

    rule: str
    """The rule's id."""
    says: str
    """The rule's sentence."""
    decided: bool
    """Whether it was the one that answered."""
    numbers: Mapping[str, float | bool] = field(default_factory=dict)
    """What it compared, by name. The name ends with the unit. Facts that were not known are left
    out.
    """
    about: str = ""
    """The metric that was asked about; empty where it was the gate or the verdict."""


def first_answer(
    rules: Sequence[Rule[Facts, Answer]], facts: Facts, about: str = ""
) -> tuple[Answer, tuple[Step, ...]]:
    """The answer of the first rule that has one, and a step for each rule that was asked.

    Args:
        rules: in their order; the last one always answers.
        facts: what they compare.
        about: the metric that is asked about.

    Raises:
        ValueError: no rule has an answer.
    """
    steps: list[Step] = []
    for rule in rules:
        answer = rule.asks(facts)
        decided = answer is not None
        steps.append(Step(rule.id, rule.says, decided, _numbers(rule.compares, facts), about))
        if answer is not None:
            return answer, tuple(steps)
    raise ValueError(f"no rule of {[rule.id for rule in rules]} has an answer")


def source(section: Section) -> str:
    """Where a section of the documentation is.

    Raises:
        ValueError: there is no such section.
    """
    known = get_args(Section)
    if section not in known:
        near = get_close_matches(section, known, 1)
        hint = f"did you mean '{near[0]}'?" if near else f"there are: {', '.join(known)}"
        raise ValueError(f"{DOCUMENT} has no section '{section}': {hint}")
    return f"{DOCUMENT}#{section}"


def _numbers(names: Sequence[str], facts: object) -> dict[str, float | bool]:
    values = {name: getattr(facts, name) for name in names}
    return {
        name: value if isinstance(value, bool) else float(value)
        for name, value in values.items()
        if value is not None and isfinite(value)
    }
