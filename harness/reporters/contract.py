"""The three contracts of a report. Each is a pure function: it measures nothing, reads no clock and
keeps nothing, so the same input gives the same output.

| contract | in | out | offered in |
|---|---|---|---|
| `RunReport` | one run: record and verdict | a file of the run folder | `FILES` |
| `Report` | anything else: a result, several runs | a file, or the body of an export | `REPORTS` |
| `ScreenText` | one run, and how wide the screen is | text for a screen | `SCREEN` |

To add a format, add a module to this folder with one of these tables: file name to function. What
`FILES` names is then in every run folder, and nothing else is to be done.

A server's words reach every report. They are already printable (`harness.redaction.printable`). A
report escapes them for its own format, with `escaping`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from ..record.record import RunRecord
    from ..verdict.outcome import Judgement, Verdict

Subject_contra = TypeVar("Subject_contra", contravariant=True)
Judged_contra = TypeVar("Judged_contra", "Verdict", "Judgement", contravariant=True)


class RunReport(Protocol):
    """One file of a run folder."""

    def __call__(self, record: RunRecord, verdict: Verdict, /) -> bytes:
        """The whole file, from whatever the record holds: a run may have ended at any line."""
        ...


class Report(Protocol[Subject_contra]):
    """One file about something else than one run."""

    def __call__(self, subject: Subject_contra, /) -> bytes:
        """The bytes of the whole file."""
        ...


class ScreenText(Protocol[Judged_contra]):
    """Text for a person at a screen."""

    def __call__(
        self, record: RunRecord, judged: Judged_contra, /, width: int = 100, terminal: bool = False
    ) -> str:
        """The text.

        Args:
            record: the run as far as it has come.
            judged: what the judge says of it.
            width: columns of the screen.
            terminal: whether it takes colours; a log gets plain ASCII.
        """
        ...


RunReports = Mapping[str, RunReport]
"""File name to the function that draws it."""
