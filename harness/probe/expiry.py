"""When the entries of a container go by themselves: each carries its time, or a timer takes it.

No code of the server is run: clocks are ours, and only types are asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from itertools import islice
from time import monotonic, time
from types import BuiltinFunctionType, BuiltinMethodType, FunctionType, MethodType
from typing import Any, Optional, Tuple

from . import container_entries, looking, loops, reference_names

MAX_AHEAD_S = 7 * 24 * 3600.0
"""What lies further ahead is not a time at which an entry goes."""
MAX_SAMPLED = 8
MAX_PARTS = 50
"""Of one entry that are looked at."""
MIN_TIMED = 0.8
"""Share of the entries for which a timer must be there."""
_NAME = re.compile(
    r"expir|deadline|until|valid_to|evict|remove_at|delete_at|^_when$", re.IGNORECASE
)
_CLOCKS = (time, monotonic)


def expires_in_s(container: object) -> Tuple[Optional[float], bool]:
    """Seconds until the newest entries are due, and whether timers will take them; None where some
    of them carry no time.
    """
    length = _length(container)
    due = sorted(_timers_of(container))
    if length and len(due) >= MIN_TIMED * length:
        return due[-1], True
    newest = list(islice(container_entries.entries(container), MAX_SAMPLED))
    ahead = [_ahead_s(entry[-1]) for entry in newest]
    if not ahead or None in ahead:
        return None, False
    are_timers = all(looking.short_name(type(entry[-1])) == "TimerHandle" for entry in newest)
    return max(seconds for seconds in ahead if seconds is not None), are_timers


def overdue_s(container: Any) -> float:
    """For how many seconds the oldest entries have been due; 0.0 where they are not, or where the
    container keeps no order.
    """
    if issubclass(type(container), dict):
        oldest = list(islice(dict.values(container), MAX_SAMPLED))
    elif issubclass(type(container), list):
        oldest = list(islice(list.__iter__(container), MAX_SAMPLED))
    else:
        return 0.0
    return min((_overdue_s(value) for value in oldest), default=0.0)


def _overdue_s(value: Any) -> float:
    """By the latest time that a value carries."""
    times = [
        number - clock()
        for name, number in _numbers(value)
        for clock in _CLOCKS
        if (name or type(number) is float) and abs(number - clock()) < MAX_AHEAD_S
    ]
    return max(0.0, -max(times)) if times else 0.0


def _length(container: Any) -> int:
    for base in (dict, list, set):
        if issubclass(type(container), base):
            return base.__len__(container)
    return 0


def _ahead_s(value: object) -> Optional[float]:
    """How far a time that a value carries lies ahead; None without one that does."""
    found = [
        number - clock()
        for name, number in _numbers(value)
        for clock in _CLOCKS
        if (name or type(number) is float) and 0 < number - clock() < MAX_AHEAD_S
    ]
    return min(found, default=None)


def _numbers(value: Any) -> Iterator[Tuple[str, float]]:
    """Times that a value may carry: by a name that says so, or one of a few unnamed numbers."""
    if type(value) in (tuple, list):
        for part in islice(value, MAX_PARTS):
            if (number := _number(part)) is not None:
                yield "", number
        return
    if (number := _number(value)) is not None:
        yield "", number
        return
    named = value if type(value) is dict else reference_names.attributes_of(value)
    for name, part in list(islice(named.items(), MAX_PARTS)):
        if type(name) is str and _NAME.search(name) and (number := _number(part)) is not None:
            yield name, number


def _number(value: Any) -> Optional[float]:
    if type(value) is datetime:
        return value.timestamp()
    return value if type(value) in (int, float) else None


def _timers_of(container: object) -> Iterator[float]:
    """Seconds until the timers of all loops that have to do with a container."""
    for loop in loops.running():
        for timer in list(looking.attribute(loop, "_scheduled") or ()):
            due = looking.attribute(timer, "_when")
            if type(due) in (int, float) and 0 < due - monotonic() < MAX_AHEAD_S:
                callback = looking.attribute(timer, "_callback")
                args = looking.attribute(timer, "_args")
                if _leads_to(callback, container) or _is_among(args, container):
                    yield due - monotonic()


def _leads_to(callback: Any, container: Any) -> bool:
    """Whether a callback is a method of the container or of what holds it, or has it in a
    closure.
    """
    kind = type(callback)
    if kind is partial:
        return _is_among(callback.args, container) or _leads_to(callback.func, container)
    if kind in (MethodType, BuiltinMethodType, BuiltinFunctionType):
        owner = callback.__self__
        return owner is container or _is_among(
            reference_names.attributes_of(owner).values(), container
        )
    if kind is FunctionType:
        cells = callback.__closure__ or ()
        return _is_among([cell.cell_contents for cell in cells if _is_bound(cell)], container)
    return False


def _is_bound(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:  # not bound yet
        return False


def _is_among(values: Any, container: Any) -> bool:
    return any(value is container for value in list(values or ()))
