"""Options on what is measured."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ...option import FLAG, PATH, SIZE, SWITCH, TEXT, declared

GROUP: Final = "measurement"


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasurementOptions:
    """How far the run looks into the server."""

    probe: bool = declared(
        "probe", SWITCH, "Look inside a Python server with the probe.", default=True
    )
    """Whether the probe is loaded into the server."""
    explain: bool = declared(
        "explain", SWITCH, "Look for the cause of a leak before the run ends.", default=True
    )
    """Whether the cause is looked for; it needs the probe."""
    collect: str = declared(
        "collect",
        TEXT,
        "Whether the probe may force a garbage collection before each sample.",
        default="always",
        choices=("always", "never"),
    )
    """`always` or `never`."""
    control: bool = declared(
        "control",
        FLAG,
        "Check the set-up with a second run in which the probe plants a leak of twice the limit. A"
        " flat verdict needs that leak to be found.",
        default=False,
    )
    """Whether a second run with a planted leak follows."""
    memory_budget_bytes: int | None = declared(
        "memory-budget",
        SIZE,
        "Stop when the memory of the server has grown by this much.",
        default_text="512MiB, but at most 25 % of the free memory. With --cycles: 75 % of the free"
        " memory",
    )
    """Bytes; None: as the free memory allows."""
    watch_files: tuple[Path, ...] = declared(
        "watch-files",
        PATH,
        "Count the files in this folder and their bytes.",
        metavar="DIR",
        default=(),
        is_repeatable=True,
    )
    """Folders whose files are counted."""
