"""Reports: pure functions from record and verdict to bytes, one format a module. They measure nothing
and read no clock.

A module with a table `FILES` (file name to function) is a report; nothing else is to be done for a new one.
Heavy libraries are imported when a report is drawn, not with the module.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules
from typing import Final

from harness.record import RunRecord
from harness.verdict import Verdict

Render = Callable[[RunRecord, Verdict], bytes]

_MODULES: Final = [import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)]

REPORTERS: Final[dict[str, Render]] = {
    file_name: render for module in _MODULES for file_name, render in getattr(module, "FILES", {}).items()
}
"""What a run folder gets beside its record: file name to the function that makes it."""
