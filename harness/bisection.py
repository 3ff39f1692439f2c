"""Which commit to try next, and when the first bad one is known: data in, decision out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Answer(StrEnum):
    """What a run said of a commit."""

    GOOD = "good"
    BAD = "bad"
    SKIP = "skip"
    """It does not start, or nothing could be decided."""


@dataclass(frozen=True, slots=True)
class Search:
    """Commits from the first that may be bad to one that is, the oldest first."""

    commits: Sequence[str]
    answers: Mapping[str, Answer]
    """Of those that have been tried; the last commit counts as bad."""

    @property
    def suspects(self) -> list[str]:
        """Commits of which one is the first bad one."""
        bad = [at for at, commit in enumerate(self.commits) if self.answers.get(commit) is Answer.BAD]
        end = min(bad, default=len(self.commits) - 1)
        good = [at for at in range(end) if self.answers.get(self.commits[at]) is Answer.GOOD]
        return list(self.commits[max(good, default=-1) + 1 : end + 1])

    @property
    def next(self) -> str | None:
        """The commit to try: the untried one nearest to the middle of the suspects; None where none is left."""
        suspects = self.suspects
        middle = (len(suspects) - 1) / 2 - 0.5
        untried = [(abs(at - middle), at) for at, commit in enumerate(suspects[:-1]) if commit not in self.answers]
        return suspects[min(untried)[1]] if untried else None

    @property
    def runs_left(self) -> int:
        """About how many tries more, where none is skipped."""
        return max(0, len(self.suspects) - 1).bit_length()
