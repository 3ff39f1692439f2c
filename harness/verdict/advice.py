"""What to do about a finding, in one or two sentences for its kind."""

from __future__ import annotations

from pathlib import PurePath
from typing import Final

from ..record.record import Cause
from .what_grows import Growth

_ADVICE: Final = {
    "task": "Cancel the task and await it when the connection ends.",
    "child-process": "End the process when the connection ends, and wait for it.",
    "zombie": "Wait for the process once it has ended, for example with `await process.wait()`.",
    "thread": "End the thread when the connection ends, or share a pool of threads.",
    "executor": "Call `shutdown()` when the connection ends, or share one executor.",
    "descriptor": "Close it when the connection ends, for example with a `with` statement.",
    "generator": "Exhaust the generator, or call `close()` when the connection ends.",
    "async generator": "Exhaust the generator, or await `aclose()` when the connection ends.",
}
"""By label, else by kind."""


def advice(grown: Growth, cause: Cause, of: str) -> str:
    """The advice; empty where there is none for the kind.

    Args:
        grown: what piles up.
        cause: what is known of it.
        of: what the finding calls it.
    """
    if grown.kind != "container":
        return _ADVICE.get(grown.label or grown.kind, "")
    if cause.owner not in ("application", ""):
        return ""
    where = ""
    if cause.inserts:
        file, _, line = cause.made_at.rpartition(":")
        where = f" in `{cause.made_in}()` ({PurePath(file).name}:{line})"
    added = f"Entries added to `{of}`{where} are never removed."
    return f"{added} Remove them when the connection ends."
