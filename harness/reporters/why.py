"""Why the verdict is what it is: the rules that were asked, and the numbers that they compared.

First the verdict, then the gates, those that decided it before the rest: the rule that decided,
its sentence, its numbers, and the rules that did not apply. Gates that went the same way are told
once. The sentences of the rules that did not apply stand at the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from textwrap import wrap
from typing import Final

from ..record.metrics import METRICS, Unit
from ..units import format_count, format_percent, format_size, format_time
from ..verdict.outcome import Status, Verdict
from ..verdict.rules import Step

WIDTH: Final = 100
"""Columns of a line, as a terminal that is split in two has them."""
ORDER: Final = (
    Status.LEAK,
    Status.DRIFT,
    Status.INCONCLUSIVE,
    Status.FLAT,
    Status.NOT_MEASURED,
)


@dataclass(frozen=True, slots=True)
class _Decision:
    """The rule that decided one metric, one gate or the verdict."""

    step: Step
    passed: tuple[Step, ...]
    """The rules that were asked before it."""

    @property
    def way(self) -> tuple[str, ...]:
        """The ids of all its rules: decisions with the same way read alike."""
        return (*(step.rule for step in self.passed), self.step.rule)


def why(verdict: Verdict) -> str:
    """The whole argument as text; empty where nothing was traced."""
    paragraphs = []
    if verdict.trace:
        argument = _decisions(verdict.trace)
        paragraphs.append(_paragraph(["verdict"], verdict.name, [argument]))
    traced = [(name, gate) for name, gate in verdict.gates.items() if gate.trace]
    traced.sort(key=lambda pair: ORDER.index(pair[1].outcome))
    alike: dict[tuple[str, tuple[tuple[str, ...], ...]], list[str]] = {}
    arguments = {name: _decisions(gate.trace) for name, gate in traced}
    for name, gate in traced:
        ways = tuple(decision.way for decision in arguments[name])
        alike.setdefault((gate.outcome, ways), []).append(name)
    for (outcome, _), names in alike.items():
        paragraphs.append(_paragraph(names, outcome, [arguments[name] for name in names]))
    steps = [*verdict.trace, *(step for _, gate in traced for step in gate.trace)]
    return "\n\n".join([*paragraphs, *_sentences(steps)])


def _decisions(trace: Sequence[Step]) -> list[_Decision]:
    """What decided each metric, then the gate."""
    decisions = []
    for _, steps in groupby(trace, key=lambda step: step.about):
        passed: list[Step] = []
        for step in steps:
            if step.decided:
                decisions.append(_Decision(step, tuple(passed)))
                passed = []
            else:
                passed.append(step)
    return decisions


def _paragraph(names: Sequence[str], outcome: str, arguments: Sequence[Sequence[_Decision]]) -> str:
    """The argument of gates that went the same way, one decision of each at a time."""
    lines = [f"{', '.join(names)}: {outcome}"]
    for alike in zip(*arguments, strict=True):
        lines += _told(names, alike)
    return "\n".join(lines)


def _told(names: Sequence[str], alike: Sequence[_Decision]) -> Iterator[str]:
    """One decision, or the like ones of several gates: the sentence once, the numbers of each."""
    first = alike[0]
    about = ", ".join(decision.step.about for decision in alike if decision.step.about)
    yield f"  {about + ', ' if about else ''}decided by {first.step.rule}"
    yield from _wrapped(first.step.says, 4)
    for name, decision in zip(names, alike, strict=True):
        if decision.step.numbers:
            numbers = _numbers(decision.step, decision.step.numbers)
            yield from _wrapped(f"{name}: {numbers}" if len(alike) > 1 else numbers, 4)
    told: dict[str, list[str]] = {}
    for name, decision in zip(names, alike, strict=True):
        told.setdefault(_passed(decision), []).append(name)
    for passed, owners in told.items():
        if passed:
            whose = f" ({', '.join(owners)})" if len(told) > 1 else ""
            yield from _wrapped(f"did not apply{whose}: {passed}", 4)


def _passed(decision: _Decision) -> str:
    """The rules that did not apply, each with those of its numbers that are not told yet."""
    known = {*decision.step.numbers}
    told = []
    for step in decision.passed:
        new = {name: value for name, value in step.numbers.items() if name not in known}
        known |= {*new}
        told.append(f"{step.rule} ({_numbers(step, new)})" if new else step.rule)
    return "; ".join(told)


def _sentences(steps: Sequence[Step]) -> Iterator[str]:
    """What the rules ask that did not apply; nothing where each applied."""
    told = {step.rule for step in steps if step.decided}
    sentences = {step.rule: step.says for step in steps if step.rule not in told}
    if sentences:
        lines = ["The rules that did not apply:"]
        for rule, sentence in sentences.items():
            lines += _wrapped(f"{rule}: {sentence}", 2)
        yield "\n".join(lines)


def _wrapped(text: str, indent: int) -> list[str]:
    """The text in lines; those after the first are indented further."""
    return wrap(
        text,
        WIDTH,
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + 2),
        break_on_hyphens=False,
    )


def _numbers(step: Step, numbers: Mapping[str, float | bool]) -> str:
    return ", ".join(_number(name, value, step.about) for name, value in numbers.items())


def _number(name: str, value: float | bool, about: str) -> str:
    """One number with its unit: that of its name, or of the metric that was asked about."""
    words = name.removeprefix("is_").replace("_", " ")
    if isinstance(value, bool):
        return f"{words}: {'yes' if value else 'no'}"
    metric = METRICS.get(about)
    in_bytes = metric is not None and metric.unit is Unit.BYTES and name.endswith("_per_session")
    if in_bytes or "_bytes" in name:
        return f"{words.replace(' bytes', '')} {format_size(value)}"
    if name.endswith("_percent"):
        return f"{words.removesuffix(' percent')} {format_percent(value)}"
    if name.endswith("_s"):
        return f"{words.removesuffix(' s')} {format_time(value)}"
    return f"{words} {format_count(value)}"
