"""Evidence from the probe: a census now and then, and chains once something leaks. It only adds to the record."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from harness.errors import ProbeError
from harness.findings import growing_types
from harness.probe_link import ProbeLink
from harness.record import Bounded, Census, Chains, RunRecord, TaskGroup

CENSUS_CYCLES = frozenset({2, 5, 10, 13, 16, 22, 30, 40, 54, 72, 96})
MOST_CHAINS = 10
MOST_CONTAINERS = 50


class Explainer:
    """Asks the probe, and follows each container's length from census to census."""

    def __init__(self, probe: ProbeLink, now_s: Callable[[], float]) -> None:
        self._probe = probe
        self._now_s = now_s
        self._rising: dict[tuple[int, int], list[int]] = {}
        """By process and identity: the lengths of containers that have been longer at every census."""
        self._taken = 0

    async def census(self, record: RunRecord) -> Census | None:
        """What the heaps hold now; None where the probe does not answer."""
        try:
            answers = await self._probe.census()
        except ProbeError:
            return None
        await asyncio.to_thread(self._follow, {pid: answer["lengths"] for pid, answer in answers.items()})
        types: dict[str, int] = {}
        for answer in answers.values():
            for name, count in answer["types"].items():
                types[name] = types.get(name, 0) + count
        tasks = tuple(TaskGroup(**group) for answer in answers.values() for group in answer["tasks"])
        longest = sorted(self._rising.items(), key=lambda item: item[1][0] - item[1][-1])[:MOST_CONTAINERS]
        rising = {f"{pid}:{number}": tuple(lengths) for (pid, number), lengths in longest if self._taken > 2}
        bounded = tuple(
            Bounded(**{**one, "id": f"{pid}:{one['id']}"})
            for pid, answer in answers.items()
            for one in answer["bounded"]
        )
        return Census(self._now_s(), len(record.cycles), record.sessions, types, tasks, rising, bounded)

    async def chains(self, record: RunRecord) -> Chains:
        """What keeps the types and containers alive that have grown most."""
        types = growing_types(record)[:MOST_CHAINS]
        suspects = record.censuses[-1].rising if record.censuses else {}
        containers = sorted(suspects, key=lambda name: suspects[name][0] - suspects[name][-1])[:MOST_CHAINS]
        found: dict[str, tuple[str, ...]] = {}
        with suppress(ProbeError):
            answers = await self._probe.chains(types, [name.partition(":")[2] for name in containers])
            for pid, answer in answers.items():
                for name, chain in answer.items():
                    found.setdefault(f"{pid}:{name}" if name.isdecimal() else name, tuple(chain))
        return Chains(self._now_s(), found)

    def _follow(self, lengths: Mapping[int, Mapping[str, Any]]) -> None:
        now = {(pid, int(number)): int(length) for pid, by_id in lengths.items() for number, length in by_id.items()}
        if self._taken == 0:
            self._rising = {key: [length] for key, length in now.items()}
        else:
            self._rising = {
                key: [*before, now[key]] for key, before in self._rising.items() if now.get(key, 0) > before[-1]
            }
        self._taken += 1
