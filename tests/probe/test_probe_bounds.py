"""Containers with a bound, as the probe sees them in real processes of every CPython at hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from probed_process import PUPPET, VERSIONS, Launch, Launched, interpreter

SHOP = """
import asyncio, collections, time

class Link:
    def __init__(self, key, before):
        self.key, self.before, self.after = key, before, None
        if before:
            before.after = self

class Pages:
    def __init__(self, maxsize):
        self.__maxsize, self.__data, self.__links, self.last = maxsize, {}, {}, None

    def add(self, key):
        self.__data[key] = [key, [key]]
        self.last = self.__links[key] = Link(key, self.last)

class Slotted:
    __slots__ = ("capacity", "threshold", "entries")

    def __init__(self):
        self.capacity, self.threshold, self.entries = 100, 0.5, {}

    def use(self):
        return self.capacity, self.threshold, self.entries

class Constant:
    MAX_ENTRIES = 70

    def __init__(self):
        self.entries = []

    def use(self):
        return self.entries

pages, slotted, constant = Pages(400), Slotted(), Constant()
MAX_SIZE, unbounded = 1000, []

def data():
    return pages._Pages__data

def links():
    return pages._Pages__links

def fill(number):
    for _ in range(number):
        pages.add(len(data()))
        slotted.entries[len(slotted.entries)] = {}
        constant.entries.append([])
        unbounded.append([])

dated, named, stamped, timed = {}, {}, {}, {}

class Page:
    def __init__(self, expires_at):
        self.expires_at = expires_at

    def is_over(self):
        return self.expires_at < time.time()

def date(number):
    for key in range(number):
        dated[key] = (key, time.monotonic() + 600)
        named[key] = Page(time.time() + 60)
        stamped[key] = (key, time.time() - 60)
        timed[key] = key
        loop.call_soon_threadsafe(loop.call_later, 300, timed.pop, key)
"""


@pytest.fixture(params=VERSIONS)
def shop(request: pytest.FixtureRequest, launch: Launch, tmp_path: Path) -> Iterator[Launched]:
    """A process of that version with the module loaded."""
    (tmp_path / "shop.py").write_text(SHOP)
    process = launch("-c", PUPPET, "loop", python=interpreter(request.param), path=tmp_path)
    process.do("import shop")
    process.do("shop.loop = loop")
    yield process
    assert process.errors() == ""


def bounded(process: Launched, *containers: str) -> dict[str, dict[str, Any]]:
    """What a census says of containers that are followed, by their names."""
    ids = {str(process.do(f"id({name})")): name for name in containers}
    answer = process.peer().ask("census", followed=[*ids])
    return {ids[one["id"]]: one for one in answer["bounded"] if one["id"] in ids}


def test_a_limit_of_the_owner_bounds_each_container_that_it_holds(shop: Launched) -> None:
    shop.do("shop.fill(20)")
    told = bounded(shop, "shop.data()", "shop.links()")
    assert {one["bound"] for one in told.values()} == {400}
    assert told["shop.data()"]["attribute"] == "_Pages__data"
    assert told["shop.data()"]["limit"] == "_Pages__maxsize"
    assert told["shop.data()"]["classes"] == ["Pages", "object"]
    assert [Path(file).name for file in told["shop.data()"]["files"]] == ["shop.py"]


def test_an_entry_weighs_what_nothing_else_keeps_and_no_neighbour(shop: Launched) -> None:
    shop.do("shop.fill(50)")
    told = bounded(shop, "shop.data()", "shop.links()")
    assert told["shop.data()"]["entry_objects"] == 2
    assert 1 <= told["shop.links()"]["entry_objects"] <= 2  # until 3.10, with a dict


def test_a_share_next_to_the_limit_is_how_far_it_may_be_passed(shop: Launched) -> None:
    shop.do("shop.fill(120)")
    assert bounded(shop, "shop.slotted.entries")["shop.slotted.entries"]["bound"] == 150


def test_a_limit_of_the_class_counts_until_it_is_passed(shop: Launched) -> None:
    shop.do("shop.fill(70)")
    name = "shop.constant.entries"
    told = bounded(shop, name)[name]
    assert (told["length"], told["bound"]) == (70, 70)  # told when it is full, too
    shop.do("shop.fill(1)")
    assert bounded(shop, name) == {}


def test_a_number_in_the_same_module_bounds_no_variable_of_it(shop: Launched) -> None:
    shop.do("shop.fill(20)")
    assert bounded(shop, "shop.unbounded") == {}


def test_entries_that_carry_a_time_ahead_or_have_timers_are_due(shop: Launched) -> None:
    shop.do("shop.date(30)")
    names = ("dated", "named", "stamped", "timed")
    targets = [
        {"key": name, "kind": "container", "id": str(shop.do(f"id(shop.{name})"))} for name in names
    ]
    causes = shop.peer().ask("causes", targets=targets)
    assert causes["dated"]["expires_s"] == pytest.approx(600, abs=60)
    assert causes["named"]["expires_s"] == pytest.approx(60, abs=59)
    assert causes["stamped"]["expires_s"] is None
    assert causes["timed"]["expires_s"] == pytest.approx(300, abs=60)
    assert [causes[name]["timed"] for name in names] == [False, False, False, True]
