"""Reports: pure functions from record and verdict to bytes, one format a module. They measure
nothing and read no clock.

A module with a table `FILES` (file name to function) is a report; nothing else is to be done for a
new one. Heavy libraries are imported when a report is drawn, not with the module.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.record.record import RunRecord
    from harness.verdict.outcome import Verdict

    Render = Callable[[RunRecord, Verdict], bytes]

REPORTERS: dict[str, Render]
"""What a run folder gets beside its record: file name to the function that makes it. Made when
first used.
"""


def __getattr__(name: str) -> object:
    if name != "REPORTERS":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    modules = [import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)]
    found = {
        file: render for module in modules for file, render in getattr(module, "FILES", {}).items()
    }
    globals()[name] = found
    return found
