"""Options on where results go."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ...option import FLAG, PATH, TEXT, declared

GROUP: Final = "output"
LANGUAGES: Final = ("en", "zh")


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputOptions:
    """Where the record, the result and the reports go."""

    out: Path | None = declared(
        "out",
        PATH,
        "The folder for the record, the result and the reports.",
        metavar="DIR",
        default_text="reports/<UTC time>-<scenario>/",
    )
    """The run folder; None: a new one in `reports/`."""
    lang: str = declared(
        "lang", TEXT, "The language of report.html.", default="en", choices=LANGUAGES
    )
    """`en` or `zh`."""
    live: bool = declared(
        "live",
        FLAG,
        "Serve the report on a loopback port while the run goes on.",
        default=False,
    )
    """Whether the report can be watched while the run goes on."""
    json: bool = declared(
        "json",
        FLAG,
        "Print the result as JSON, and nothing else on standard output.",
        default=False,
        is_typed_only=True,
    )
    """Whether a command prints the result as JSON."""
    textfile: Path | None = declared(
        "textfile",
        PATH,
        "Write metrics for the textfile collector of Prometheus.",
        metavar="FILE",
        is_typed_only=True,
    )
    """A file for the textfile collector of Prometheus."""
    otlp: str | None = declared(
        "otlp",
        TEXT,
        "Send metrics to this OpenTelemetry collector (OTLP over HTTP).",
        metavar="URL",
        is_typed_only=True,
    )
    """The address of an OpenTelemetry collector."""
    bisect_status: bool = declared(
        "bisect-status",
        FLAG,
        "End with the statuses of `git bisect run`: 0 good, 1 bad, 125 skip, 255 abort.",
        default=False,
        is_typed_only=True,
    )
    """Whether a command ends with the statuses of `git bisect run`."""
