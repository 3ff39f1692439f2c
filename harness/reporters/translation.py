"""The page in other languages. Its texts are looked up by their English words.

Sentences with names and numbers in them are matched by their patterns.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from ..record.metrics import METRICS
from ..verdict.advice import next_step
from ..verdict.outcome import Verdict
from .chinese import TEXTS, chinese_sentence
from .chinese_rules import NUMBERS, RULES
from .chinese_sentences import in_chinese

LANGUAGES: Final = ("en", "zh")
_ENGLISH: Final = {
    "idle": "after an idle wait",
    "talking": "while sessions talk",
    "peak": "peak of a cycle",
    "p5": "5 %",
    "p50": "median",
    "p95": "95 %",
    "max": "slowest",
}
"""Columns of charts whose names are no words."""


class Say:
    """Says texts of the page in one language."""

    def __init__(self, language: str) -> None:
        self.is_chinese = language == "zh"
        self.untranslated: set[str] = set()
        """Texts that were asked for, and stay English for want of a translation."""

    def __call__(self, text: str, **values: str) -> str:
        """The text, with the values in its braces."""
        if self.is_chinese:
            if text not in TEXTS and text:
                self.untranslated.add(text)
            text = TEXTS.get(text, text)
        return text.format(**values) if values else text

    def words(self, text: str) -> str:
        """Sentences with names and numbers in them, each for itself."""
        if not self.is_chinese or not text:
            return text
        translated, missing = in_chinese(text)
        self.untranslated |= missing
        return translated

    def rule(self, rule: str, says: str) -> str:
        """The sentence of a rule."""
        return self._looked_up(RULES, rule, says)

    def number(self, name: str) -> str:
        """What a number is that a rule compares: `min_flat_sessions`."""
        words = re.sub("^is_|_bytes|_percent$|_s$", "", name).replace("_", " ")
        return self._looked_up(NUMBERS, name, words)

    def _looked_up(self, texts: Mapping[str, str], key: str, english: str) -> str:
        if self.is_chinese and key not in texts:
            self.untranslated.add(english)
        return texts.get(key, english) if self.is_chinese else english

    def several(self, texts: str) -> str:
        """Texts that are joined by commas, each for itself."""
        separator = "、" if self.is_chinese else ", "
        return separator.join(map(self, texts.split(", ")))

    def series(self, name: str) -> str:
        """A column of a chart or table: the label of the metric of that name, else a text."""
        metric = METRICS.get(name)
        if metric is None:
            return self(name) if self.is_chinese else _ENGLISH.get(name, name)
        return metric.label_zh if self.is_chinese else metric.label


def say_in(language: str) -> Say:
    """One that says texts in that language."""
    return Say(language)


def sentence_in(language: str, verdict: Verdict, sessions: int, english: str) -> str:
    """The verdict in one sentence."""
    chinese = chinese_sentence(verdict, sessions) if language == "zh" else ""
    return chinese or say_in(language).words(english)


def advice_in(language: str, verdict: Verdict) -> str:
    """What to do next; empty where there is nothing to do."""
    return say_in(language).words(next_step(verdict))
