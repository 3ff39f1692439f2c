"""Reports: pure functions from what was measured to bytes, one format a module.

`contract` says what a format offers, and how one is added. Heavy libraries are imported when a
report is drawn, not with its module.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .contract import RunReport

REPORTERS: dict[str, RunReport]
"""What a run folder gets next to its record: file name to the function that draws it. Made when
first used.
"""


def __getattr__(name: str) -> object:
    if name != "REPORTERS":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    reporters: dict[str, RunReport] = {}
    for module in iter_modules(__path__):
        reporters |= getattr(import_module(f"{__name__}.{module.name}"), "FILES", {})
    globals()[name] = reporters
    return reporters
