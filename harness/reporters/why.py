"""Why the verdict is what it is: the rules that were asked, and the numbers that they compared.

First the verdict, then the gates, those that decided it before the rest: the rule that decided,
its sentence, its numbers, and the rules that did not apply. Gates that went the same way are told
once. The sentences of the rules that did not apply stand at the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from textwrap import wrap
from typing import Final

from ..record.metrics import METRICS, Unit
from ..units import format_count, format_percent, format_size, format_time
from ..verdict.outcome import Status, Verdict
from ..verdict.rules import Step
from .translation import Say, say_in

WIDTH: Final = 100
"""Columns of a line, as a terminal that is split in two has them. Chinese has no spaces to break
at: the page wraps its lines.
"""
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


def why(verdict: Verdict, say: Say | None = None) -> str:
    """The whole argument as text; empty where nothing was traced.

    Args:
        verdict: with the steps of its rules.
        say: says the texts in a language; None: in English.
    """
    return _Writer(say or say_in("en")).text(verdict)


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


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes the argument in one language."""

    say: Say

    def text(self, verdict: Verdict) -> str:
        """The verdict, the gates, and what the rules ask that did not apply."""
        paragraphs = []
        if verdict.trace:
            argument = _decisions(verdict.trace)
            paragraphs.append(self._paragraph(["verdict"], verdict.name, [argument]))
        traced = [(name, gate) for name, gate in verdict.gates.items() if gate.trace]
        traced.sort(key=lambda pair: ORDER.index(pair[1].outcome))
        alike: dict[tuple[str, tuple[tuple[str, ...], ...]], list[str]] = {}
        arguments = {name: _decisions(gate.trace) for name, gate in traced}
        for name, gate in traced:
            ways = tuple(decision.way for decision in arguments[name])
            alike.setdefault((gate.outcome, ways), []).append(name)
        for (outcome, _), names in alike.items():
            of_gates = [arguments[name] for name in names]
            paragraphs.append(self._paragraph(names, outcome, of_gates))
        steps = [*verdict.trace, *(step for _, gate in traced for step in gate.trace)]
        return "\n\n".join([*paragraphs, *self._sentences(steps)])

    def _paragraph(
        self, names: Sequence[str], outcome: str, arguments: Sequence[Sequence[_Decision]]
    ) -> str:
        """The argument of gates that went the same way, one decision of each at a time."""
        lines = [f"{self._listed(map(self.say, names))}: {self.say(outcome)}"]
        for alike in zip(*arguments, strict=True):
            lines += self._decided(names, alike)
        return "\n".join(lines)

    def _decided(self, names: Sequence[str], alike: Sequence[_Decision]) -> Iterator[str]:
        """One decision, or the like ones of several gates: the sentence once, the numbers of
        each.
        """
        say, first = self.say, alike[0].step
        metrics = [say.series(decision.step.about) for decision in alike if decision.step.about]
        about = f"{self._listed(metrics)}, " if metrics else ""
        yield f"  {about}{say('decided by {rule}', rule=first.rule)}"
        yield from self._wrapped(say.rule(first.rule, first.says), 4)
        for name, decision in zip(names, alike, strict=True):
            if decision.step.numbers:
                numbers = self._numbers(decision.step, decision.step.numbers)
                owner = f"{say(name)}: " if len(alike) > 1 else ""
                yield from self._wrapped(f"{owner}{numbers}", 4)
        owners: dict[str, list[str]] = {}
        for name, decision in zip(names, alike, strict=True):
            owners.setdefault(self._passed(decision), []).append(name)
        for passed, gates in owners.items():
            if passed:
                whose = f" ({self._listed(map(say, gates))})" if len(owners) > 1 else ""
                yield from self._wrapped(f"{say('did not apply')}{whose}: {passed}", 4)

    def _passed(self, decision: _Decision) -> str:
        """The rules that did not apply, each with those of its numbers that are not told yet."""
        known = {*decision.step.numbers}
        rules = []
        for step in decision.passed:
            new = {name: value for name, value in step.numbers.items() if name not in known}
            known |= {*new}
            rules.append(f"{step.rule} ({self._numbers(step, new)})" if new else step.rule)
        return "; ".join(rules)

    def _sentences(self, steps: Sequence[Step]) -> Iterator[str]:
        """What the rules ask that did not apply; nothing where each applied."""
        applied = {step.rule for step in steps if step.decided}
        sentences = {step.rule: step.says for step in steps if step.rule not in applied}
        if sentences:
            lines = [f"{self.say('The rules that did not apply')}:"]
            for rule, sentence in sentences.items():
                lines += self._wrapped(f"{rule}: {self.say.rule(rule, sentence)}", 2)
            yield "\n".join(lines)

    def _numbers(self, step: Step, numbers: Mapping[str, float | bool]) -> str:
        return self._listed(
            self._number(name, value, step.about) for name, value in numbers.items()
        )

    def _number(self, name: str, value: float | bool, about: str) -> str:
        """One number with its unit: that of its name, or of the metric that was asked about."""
        words = self.say.number(name)
        if isinstance(value, bool):
            return f"{words}: {self.say('yes' if value else 'no')}"
        metric = METRICS.get(about)
        in_bytes = metric is not None and metric.unit is Unit.BYTES
        if (in_bytes and name.endswith("_per_session")) or "_bytes" in name:
            return f"{words} {format_size(value)}"
        if name.endswith("_percent"):
            return f"{words} {format_percent(value)}"
        if name.endswith("_s"):
            return f"{words} {format_time(value)}"
        return f"{words} {format_count(value)}"

    def _listed(self, texts: Iterable[str]) -> str:
        return ("、" if self.say.is_chinese else ", ").join(texts)

    def _wrapped(self, text: str, indent: int) -> list[str]:
        """The text in lines; those after the first are indented further."""
        if self.say.is_chinese:
            return [" " * indent + text]
        return wrap(
            text,
            WIDTH,
            initial_indent=" " * indent,
            subsequent_indent=" " * (indent + 2),
            break_on_hyphens=False,
        )
