"""Numbers in the text files that Linux has of each process: pure functions for metrics' entries."""

from __future__ import annotations

from collections.abc import Callable, Iterable

KIB = 1024


def number_after(name: str) -> Callable[[str], float]:
    """What stands after `name:` on a line of its own, as in `/proc/PID/status`."""

    def parse(text: str) -> float:
        return float(_fields(text)[name])

    return parse


def kib_after(*names: str) -> Callable[[str], float]:
    """Bytes: the sum of what stands after these names in KiB, as in `/proc/PID/smaps_rollup`."""

    def parse(text: str) -> float:
        fields = _fields(text)
        return sum(float(fields[name]) for name in names) * KIB

    return parse


def _fields(text: str) -> dict[str, str]:
    """Name to the first word after it, of each line that has the form `name: word ...`."""
    return dict(_pairs(text.splitlines()))


def _pairs(lines: Iterable[str]) -> Iterable[tuple[str, str]]:
    for line in lines:
        name, colon, rest = line.partition(":")
        words = rest.split(maxsplit=1)
        if colon and words:
            yield name, words[0]
