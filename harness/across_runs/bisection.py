"""Which commit to try next, and when the first bad one is known: data in, decision out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import msgspec

from ..errors import RecordDamaged
from ..record.lines import MAX_REASON
from ..redaction import printable
from ..verdict.outcome import Verdict

NOISY: Final = frozenset({"latency", "cpu"})
"""Gates that stay open on a busy machine, however long the run."""


class Answer(StrEnum):
    """What a run says of its commit."""

    GOOD = "good"
    BAD = "bad"
    SKIP = "skip"
    """The server does not start, or nothing could be decided."""


def answer_of(verdict: Verdict, only: Sequence[str] = ()) -> Answer:
    """What a run says of its commit.

    A run whose latency or CPU alone stay open is good: the search is for a leak. It is not good
    where `only` names gates, for those may be what is searched for.

    Args:
        verdict: of the run.
        only: the gates that can fail it; empty where all can.
    """
    if verdict.name in ("leak", "degraded"):
        return Answer.BAD
    if verdict.name == "flat":
        return Answer.GOOD
    settled = verdict.name == "inconclusive" and verdict.open_gates and not verdict.doubts
    return (
        Answer.GOOD
        if settled and NOISY.issuperset(verdict.open_gates) and not only
        else Answer.SKIP
    )


@dataclass(frozen=True, slots=True)
class Search:
    """Commits from the first that may be bad to one that is, the oldest first."""

    commits: Sequence[str]
    answers: Mapping[str, Answer]
    """Of the commits that were tried. The last commit counts as bad."""

    @property
    def suspects(self) -> list[str]:
        """Commits of which one is the first bad one."""
        bad = [
            at for at, commit in enumerate(self.commits) if self.answers.get(commit) is Answer.BAD
        ]
        end = min(bad, default=len(self.commits) - 1)
        good = [at for at in range(end) if self.answers.get(self.commits[at]) is Answer.GOOD]
        return list(self.commits[max(good, default=-1) + 1 : end + 1])

    @property
    def next(self) -> str | None:
        """The commit to try next: the untried one nearest to the middle of the suspects. None at
        the end of the search.
        """
        suspects = self.suspects
        middle = (len(suspects) - 1) / 2 - 0.5
        untried = [
            (abs(at - middle), at)
            for at, commit in enumerate(suspects[:-1])
            if commit not in self.answers
        ]
        return suspects[min(untried)[1]] if untried else None

    @property
    def runs_left(self) -> int:
        """How many more runs it takes, about, where no commit is skipped."""
        return max(0, len(self.suspects) - 1).bit_length()


@dataclass(frozen=True, slots=True)
class SearchState:
    """What a search keeps between two calls."""

    good: str
    bad: str
    asked: str
    """The options of its runs."""
    tried: dict[str, dict[str, Any]]
    """By commit: `answer` and `summary`, and the folder of the run."""


def read_state(path: Path) -> SearchState:
    """The state of a search as it was stored.

    Raises:
        RecordDamaged: it cannot be read.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=SearchState)
    except (OSError, ValueError, RecursionError, msgspec.MsgspecError) as error:
        raise RecordDamaged(
            f"{path} is damaged: {printable(str(error), MAX_REASON)}",
            hint="remove it: the search begins anew, and the work trees are kept",
        ) from error
