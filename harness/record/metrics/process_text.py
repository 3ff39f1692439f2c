"""Numbers in the text files that Linux has of each process: pure functions for metrics' entries."""

from __future__ import annotations

from collections.abc import Callable, Iterable

KIB = 1024


def number_after(name: str) -> Callable[[str], float]:
    """The count that stands after `name:` on a line of its own, as in `/proc/PID/status`.

    A line with a unit, such as `VmRSS: 512 kB`, is refused: `kib_after` reads it as bytes.
    """

    def parse(text: str) -> float:
        value = _fields(text)[name]
        if len(value.split()) > 1:
            raise ValueError(
                f"'{name}: {value}' is not a plain count; kib_after() reads kB as bytes"
            )
        return float(value)

    return parse


def kib_after(*names: str) -> Callable[[str], float]:
    """Bytes: the sum of what stands after these names in KiB, as in `/proc/PID/smaps_rollup`."""

    def parse(text: str) -> float:
        fields = _fields(text)
        return sum(float(fields[name].split()[0]) for name in names) * KIB

    return parse


def _fields(text: str) -> dict[str, str]:
    """Name to what stands after it, of each line that has the form `name: value`."""
    return dict(_pairs(text.splitlines()))


def _pairs(lines: Iterable[str]) -> Iterable[tuple[str, str]]:
    for line in lines:
        name, colon, rest = line.partition(":")
        value = rest.strip()
        if colon and value:
            yield name, value
