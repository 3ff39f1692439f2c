"""A gate as a row of text, for every report that shows a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .outcome import Gate, Status

Words = Callable[[float], str]


@dataclass(frozen=True, slots=True)
class Row:
    """One gate in words; what is not known is empty."""

    gate: str
    outcome: Status
    kind: str = ""
    growth: str = ""
    """Per session, with its sign; of latency the factor."""
    bounds: str = ""
    limit: str = ""
    changes: tuple[str, ...] = ()
    """From the first to the last of the run, and the extremes."""
    reason: str = ""
    allowed: bool = False
    """It would fail the run, but what it found is allowed."""

    @property
    def word(self) -> str:
        """The outcome as a person reads it."""
        return "allowed" if self.allowed else str(self.outcome)

    @property
    def finding(self) -> str:
        """The outcome, and its kind where that says more."""
        return f"{self.word} ({self.kind})" if self.kind else self.word


def plain_row(name: str, gate: Gate) -> Row:
    """The row of a gate that has nothing to tell but its reason."""
    return Row(name, gate.outcome, reason=gate.reason)


def reason_summary(_: str, gate: Gate, __: int) -> str:
    """The part of a sentence of a gate whose reason says it all."""
    return gate.reason


def change(what: str, first: float | None, last: float | None, words: Words) -> str:
    """From the first to the last; empty where either is not known."""
    if first is None or last is None:
        return ""
    return f"{what} {words(first)} → {words(last)}".strip()


def named_values(values: Mapping[str, float | None], words: Words) -> str:
    """Those that are known, each with its name."""
    known = {name: value for name, value in values.items() if value is not None}
    return ", ".join(f"{name} {words(value)}" for name, value in known.items())


def known(*texts: str) -> tuple[str, ...]:
    """Those that are not empty."""
    return tuple(filter(None, texts))


def signed(value: float, words: Words) -> str:
    """With a plus where it grows."""
    return f"+{words(value)}" if value > 0 else words(value)
