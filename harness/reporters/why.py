"""Why the verdict is what it is: the rules that were asked, and the numbers that they compared.

For each gate, and then for the verdict: the rule that decided, its sentence and its numbers, and
the rules that passed before it with theirs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from ..record.metrics import METRICS, Unit
from ..units import format_count, format_percent, format_size, format_time
from ..verdict.outcome import Verdict
from ..verdict.rules import Step


def why(verdict: Verdict) -> str:
    """The whole argument as text; empty where nothing was traced."""
    lines: list[str] = []
    told: set[str] = set()
    for name, gate in verdict.gates.items():
        if gate.trace:
            lines += [f"{name}: {gate.outcome}", *_argument(gate.trace, told), ""]
    if verdict.trace:
        lines += [f"verdict: {verdict.name}", *_argument(verdict.trace, told)]
    return "\n".join(lines).rstrip()


def _argument(trace: Sequence[Step], told: set[str]) -> Iterator[str]:
    """What decided each metric, then the gate.

    Args:
        trace: the rules that were asked.
        told: ids of rules whose sentence has been told. It grows.
    """
    for about, steps in groupby(trace, key=lambda step: step.about):
        passed: list[Step] = []
        for step in steps:
            if step.decided:
                yield from _decision(step, passed, told, about)
                passed = []
            else:
                passed.append(step)


def _decision(step: Step, passed: Sequence[Step], told: set[str], about: str) -> Iterator[str]:
    yield f"  {about + ', ' if about else ''}decided by {step.rule}"
    yield f"    {step.says}"
    if step.numbers:
        yield f"    {_numbers(step, step.numbers)}"
    known = {*step.numbers}
    if passed:
        yield "    Asked before it, and not the case:"
    for other in passed:
        new = {name: value for name, value in other.numbers.items() if name not in known}
        known |= {*new}
        numbers = f" ({_numbers(other, new)})" if new else ""
        sentence = "" if other.rule in told else f": {other.says}"
        told.add(other.rule)
        yield f"      {other.rule}{sentence}{numbers}"


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
