"""What bounds a container: a cache that is known, the code that keeps it short, or time."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from ..record.record import Cause
from ..target.probe_answers import CauseAnswer
from ..units import format_time
from .container_in_source import Home, Numbers
from .eviction_code import Trim, trim_of
from .expiry_code import expiry_of
from .known_caches import known_trim

MIN_EXPIRING: Final = 1_000
"""Entries up to which a container is followed that drops them by their age."""
MAX_OVERDUE_S: Final = 120.0
"""An entry that is there for longer than that after its time, and than entries live, is not swept.
"""
EXPIRING_PER_SESSION: Final = 2
"""Entries that a session may leave in it."""


@dataclass(frozen=True, slots=True)
class Container:
    """A container that grows, as the probe has told of it."""

    cause: Cause
    answer: CauseAnswer
    home: Home

    @classmethod
    def of(cls, cause: Cause, answer: CauseAnswer) -> Container | None:
        """None where the probe does not say what it hangs on."""
        home = answer.home
        if home is None:
            return None
        return cls(cause, answer, Home(home.names, home.files, home.numbers, home.own))


def bounding(
    container: Container,
    numbers: Mapping[str, Numbers],
    sessions_per_s: float,
    running: Collection[str],
) -> Trim | None:
    """What bounds a container, and how long it gets; None where nothing is known to.

    Reads source files.

    Args:
        container: which one.
        numbers: that the application knows by name, by source file.
        sessions_per_s: the pace of the run.
        running: names of the coroutines of pending tasks, and of threads.
    """
    cause, home = container.cause, container.home
    return (
        known_trim(cause.chain, home, numbers)
        or trim_of(cause.name, home, numbers)
        or _expiry(container, numbers, sessions_per_s, running)
    )


def _expiry(
    container: Container, files: Iterable[str], sessions_per_s: float, running: Collection[str]
) -> Trim | None:
    """What holds entries for a time gets as long as the pace of the run has it by then. Entries
    that are long overdue show that nothing takes them.
    """
    answer = container.answer
    if answer.expires_s is None or answer.overdue_s > max(MAX_OVERDUE_S, answer.expires_s):
        return None
    place = "timers"
    if not answer.timed:
        place = expiry_of(answer.name, container.home, files, running)
    if not place:
        return None
    per_session = EXPIRING_PER_SESSION * sessions_per_s * answer.expires_s
    entries = max(MIN_EXPIRING, round(per_session))
    return Trim(f"{place} (entries live for {format_time(answer.expires_s)})", entries)
