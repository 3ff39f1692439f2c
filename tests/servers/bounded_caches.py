"""A server in which caches fill with each visit, each of them with a bound of its own kind.

Called with a port, and with `leak` where a list without a bound is to be among them. Libraries that
are not installed are left out.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import sqlite3
import sys
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from functools import lru_cache

from websockets.asyncio.server import ServerConnection, serve

Use = Callable[[int], object]
KEPT: list[list[int]] = []
"""What no code makes shorter."""


class Latest:
    """The least recently used page goes before one too many is added."""

    def __init__(self, maxsize: int) -> None:
        self.maxsize = maxsize
        self.pages: OrderedDict[int, dict[str, int]] = OrderedDict()

    def remember(self, number: int) -> None:
        """Keep one more."""
        while len(self.pages) >= self.maxsize:
            self.pages.popitem(last=False)
        self.pages[number] = {"page": number}


class Lazy(dict[int, list[int]]):
    """Entries go only when there are half as many again as there should be."""

    def __init__(self, capacity: int, threshold: float) -> None:
        super().__init__()
        self.capacity, self.threshold = capacity, threshold

    def remember(self, number: int) -> None:
        """Keep one more."""
        self[number] = [number]
        if len(self) > self.capacity * (1 + self.threshold):
            for key in [*self][: -self.capacity]:
                del self[key]


class Dated:
    """Pages go once they are old."""

    def __init__(self, ttl_s: float) -> None:
        self.ttl_s = ttl_s
        self.pages: dict[int, tuple[str, float]] = {}

    def remember(self, number: int) -> None:
        """Keep one more, and drop those that are too old."""
        now = time.monotonic()
        for key in [key for key, (_, expires) in self.pages.items() if expires < now]:
            del self.pages[key]
        self.pages[number] = (f"page {number}", now + self.ttl_s)


def _sqlite() -> Use:
    database = sqlite3.connect(":memory:")
    return lambda number: database.execute("select ?", (number,)).fetchone()


def _timers() -> Use:
    seen: dict[int, str] = {}

    def use(number: int) -> None:
        seen[number] = f"visitor {number}"
        asyncio.get_running_loop().call_later(600, seen.pop, number)

    return use


def _rendered() -> Use:
    @lru_cache(maxsize=500)
    def rendered(number: int) -> list[str]:
        return [f"rendered {number}"]

    return rendered


def _templates() -> Use:
    from jinja2 import Environment, FunctionLoader

    pages = Environment(loader=FunctionLoader(lambda name: f"hello {name} {{{{ text }}}}"))
    return lambda number: pages.get_template(f"visitor{number}").render(text="hello")


def _ttl_cache() -> Use:
    from cachetools import TTLCache

    last: TTLCache[int, list[int]] = TTLCache(maxsize=400, ttl=3600)
    return lambda number: last.__setitem__(number, [number])


def _uses() -> list[Use]:
    lines: deque[list[int]] = deque(maxlen=700)
    uses: list[Use] = [
        Latest(1_000).remember,
        Lazy(300, 0.5).remember,
        Dated(3_600).remember,
        _sqlite(),
        _timers(),
        _rendered(),
        lambda number: re.findall(f"visitor {number}|[a-z]+", "hello there"),
        lambda number: lines.append([number]),
    ]
    for optional in (_templates, _ttl_cache):
        try:
            uses.append(optional())
        except ImportError:
            continue
    return uses


async def main(port: int, *, leaks: bool) -> None:
    """Serve until the end."""
    numbers, uses = itertools.count(), _uses()

    async def visit(connection: ServerConnection) -> None:
        number = next(numbers)
        for use in uses:
            use(number)
        if leaks:
            KEPT.append([number])
        async for message in connection:
            await connection.send(message)

    async with serve(visit, "127.0.0.1", port):
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), leaks="leak" in sys.argv))
