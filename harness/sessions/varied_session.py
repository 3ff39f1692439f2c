"""A session of any protocol that does what its script says as often as a varied cycle has it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, Self

from ..blame.design_matrix import LEFT_REPLY
from ..blame.varied_load import Factor, Variation
from .contract import Action, ChatProtocol, Stage, declared
from .scenario import Scenario
from .session import BaseSession


def factors_of(scenario: Scenario, protocol: type[ChatProtocol]) -> tuple[Factor, ...]:
    """What may be varied in this scenario: the protocol's actions that repeat or may be left out.

    Those that the script does not use are left aside. A script that uses none of them itself has
    handed its session to a function elsewhere, which may use any.
    """
    varied_actions = {
        name: action for name, action in declared(protocol).items() if action.is_varied
    }
    used = {name: action for name, action in varied_actions.items() if scenario.uses(name)}
    return tuple(Factor(name, _levels(action)) for name, action in (used or varied_actions).items())


def unvaried_of(protocol: type[ChatProtocol]) -> frozenset[str]:
    """The protocol's actions that happen as the script says in every cycle."""
    return frozenset(name for name, action in declared(protocol).items() if not action.is_varied)


def _levels(action: Action) -> tuple[int, ...]:
    """How often it may happen in place of once."""
    if not action.repeats:
        return (0, 1)
    return (0, 1, 2) if action.optional else (1, 2, 3)


class Varied(BaseSession):
    """Mixed into a protocol's session, see `varied`."""

    def __init__(self, variation: Variation, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._variation = variation
        self._has_left_reply = False

    def _sibling(self) -> Self:
        """One that is varied alike; what it does is counted here."""
        other = type(self)(
            self._variation, self._address, type(self._protocol)(), self._limits, self._trace
        )
        other.counts = self.counts
        return other

    async def _each_time(self, name: str, do: Callable[[], Awaitable[Any]]) -> Any:
        action = self._declared[name]
        ends_reply = action.ends_reply and self._has_left_reply
        times = max(int(ends_reply), self._variation.times.get(name, 1))
        result = action.if_left_out
        for _ in range(times):
            result = await do()
        if action.ends_reply:
            self._has_left_reply = False
        return result

    async def _left(
        self, name: str, stage: Stage, arguments: tuple[Any, ...], named: dict[str, Any]
    ) -> Any:
        if not self._variation.leave:  # then the reply is a complete one like any other
            return await self._done(name, arguments, named)
        self.counts[LEFT_REPLY] += 1
        self._has_left_reply = True
        return await super()._left(name, stage, arguments, named)

    async def drop(self) -> None:
        """Leave as the cycle has it."""
        await (super().drop() if self._variation.drop else super().close())

    async def vanish(self) -> None:
        """Only in cycles whose sessions end with a reset."""
        if self._variation.drop:
            await super().vanish()

    async def close(self) -> None:
        """Leave as the cycle has it."""
        if self._variation.drop and self.is_connected:
            await super().drop()
        await super().close()


_VARIED: Final[dict[type[BaseSession], type[Varied]]] = {}
"""Made so far: a class per session would grow the harness itself."""


def varied(kind: type[BaseSession]) -> type[Varied]:
    """The class of a protocol's sessions, varied."""
    if kind not in _VARIED:
        _VARIED[kind] = type(f"Varied{kind.__name__}", (Varied, kind), {})
    return _VARIED[kind]


async def rest(variation: Variation) -> None:
    """The pause at the end of a cycle."""
    await asyncio.sleep(variation.pause_s)
