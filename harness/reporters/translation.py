"""The page in other languages. Its texts are looked up by their English words.

Findings and reasons stay English in every language: they name code.
"""

from __future__ import annotations

from typing import Final

from ..record.metrics import METRICS
from ..verdict.outcome import Verdict, VerdictName
from .chinese import TEXTS, chinese_advice, chinese_sentence

LANGUAGES: Final = ("en", "zh")


class Say:
    """Says texts of the page in one language."""

    def __init__(self, language: str) -> None:
        self._chinese = language == "zh"
        self.untranslated: set[str] = set()
        """Texts that were asked for, and stay English for want of a translation."""

    def __call__(self, text: str, **values: str) -> str:
        """The text, with the values in its braces."""
        if self._chinese:
            if text not in TEXTS and text:
                self.untranslated.add(text)
            text = TEXTS.get(text, text)
        return text.format(**values) if values else text

    def several(self, texts: str) -> str:
        """Texts that are joined by commas, each for itself."""
        separator = "、" if self._chinese else ", "
        return separator.join(map(self, texts.split(", ")))

    def series(self, name: str) -> str:
        """A column of a chart or table: the label of the metric of that name, else a text."""
        metric = METRICS.get(name)
        if metric is None:
            return self(name)
        return metric.label_zh if self._chinese else metric.label


def say_in(language: str) -> Say:
    """One that says texts in that language."""
    return Say(language)


def sentence_in(language: str, verdict: Verdict, sessions: int, english: str) -> str:
    """The verdict in one sentence."""
    return (chinese_sentence(verdict, sessions) if language == "zh" else "") or english


def advice_in(language: str, verdict: Verdict) -> str:
    """What to do next; empty where there is nothing to do."""
    return chinese_advice(verdict) if language == "zh" else _advice(verdict)


def _advice(verdict: Verdict) -> str:
    worst = verdict.findings[0] if verdict.findings else None
    match verdict.name:
        case VerdictName.LEAK | VerdictName.DEGRADED if worst is not None and worst.created_at:
            if worst.advice:
                return f"open {worst.created_at}. {worst.advice}"
            what = f"{worst.kind} {worst.type}"
            return f"open {worst.created_at}. The {what} is made there and is never released."
        case VerdictName.LEAK | VerdictName.DEGRADED if worst is not None:
            return f"look at the {worst.kind} {worst.type}."
        case VerdictName.LEAK:
            return verdict.unexplained or (
                "run again with the probe and without --no-explain to see what piles up."
            )
        case VerdictName.INCONCLUSIVE if verdict.sessions_needed:
            more = verdict.sessions_needed
            return f"run about {more} sessions more, for example with --max-cycles."
    return ""
