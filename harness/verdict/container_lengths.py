"""How long containers are, from census to census: those that only ever get longer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

Pairs = NDArray[np.uint64]
"""Identities and lengths in turn, shape (2n,)."""
Key = tuple[int, int]
"""Process, and identity or place."""

PLACE_MARK: Final = 1 << 63
"""Set in a number that stands for one reference of an object, see the probe's census."""


class Lengths:
    """Follows every container, and forgets those that were not longer at the latest census."""

    def __init__(self) -> None:
        self._sessions = -1
        self._latest: dict[int, tuple[Pairs, Pairs]] = {}
        """By process: identities, sorted, and their lengths."""
        self._rising: dict[Key, list[int]] = {}

    def add(
        self, sessions: int, counted: Mapping[int, Pairs], apart: Mapping[int, Iterable[int]]
    ) -> None:
        """Take in a census; one at as many sessions as the one before takes its place."""
        now = {pid: _sorted(pairs, apart.get(pid, ())) for pid, pairs in counted.items()}
        again = sessions == self._sessions
        rising: dict[Key, list[int]] = {}
        for pid, (ids, lengths) in now.items():
            if pid not in self._latest:
                continue
            before_ids, before_lengths = self._latest[pid]
            _, places, before_places = np.intersect1d(
                ids, before_ids, assume_unique=True, return_indices=True
            )
            longer = lengths[places] > before_lengths[before_places]
            for number, old, new in zip(
                ids[places[longer]].tolist(),
                before_lengths[before_places[longer]].tolist(),
                lengths[places[longer]].tolist(),
                strict=True,
            ):
                rising[pid, number] = [*self._rising.get((pid, number), [old]), new]
        if again:
            rising = {
                key: kept for key, seen in self._rising.items() if (kept := _kept(seen, now, key))
            }
        self._rising, self._latest, self._sessions = rising, now, sessions

    def latest(self, key: Key) -> int | None:
        """How long a container was at the latest census; None where it is gone."""
        return _length(self._latest, key)

    def rising(self, least: int) -> dict[Key, tuple[int, ...]]:
        """Containers that were longer at each of the latest censuses, with `least` lengths or
        more, the most first.
        """
        having = [
            (key, tuple(lengths)) for key, lengths in self._rising.items() if len(lengths) >= least
        ]
        return dict(sorted(having, key=lambda item: (item[1][0] - item[1][-1], item[0])))


def is_place(number: int) -> bool:
    """Whether a number stands for a place rather than a container."""
    return bool(number & PLACE_MARK)


def _sorted(pairs: Pairs, apart: Iterable[int]) -> tuple[Pairs, Pairs]:
    ids, first = np.unique(pairs[::2], return_index=True)
    lengths = pairs[1::2][first]
    kept = ~np.isin(ids, np.fromiter(apart, dtype=np.uint64))
    return ids[kept], lengths[kept]


def _length(now: Mapping[int, tuple[Pairs, Pairs]], key: Key) -> int | None:
    pid, number = key
    if pid not in now:
        return None
    ids, lengths = now[pid]
    place = int(np.searchsorted(ids, np.uint64(number)))
    return int(lengths[place]) if place < len(ids) and int(ids[place]) == number else None


def _kept(seen: list[int], now: Mapping[int, tuple[Pairs, Pairs]], key: Key) -> list[int]:
    """Lengths with the latest one measured again; empty where it is not above the one before any
    more.
    """
    length = _length(now, key)
    return [] if length is None or length <= seen[-2] else [*seen[:-1], length]
