"""Objects that lie, raise or never answer: the probe reads the rest, counts what it left out,
and runs none of them.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from probed_process import PUPPET, VERSIONS, Launch, Launched, Peer, interpreter

CONTAINERS = ("registry", "leaked")


@pytest.fixture(params=VERSIONS)
def hostile(request: pytest.FixtureRequest, launch: Launch, tmp_path: Path) -> Iterator[Launched]:
    """A process of that version in which all of them are alive."""
    shutil.copy(Path(__file__).parents[1] / "servers" / "hostile.py", tmp_path)
    process = launch("-c", PUPPET, "loop", python=interpreter(request.param), path=tmp_path)
    process.do("import hostile")
    process.do("hostile.build()")
    process.do("hostile.start(loop)")
    process.do("hostile.leak(60)")
    process.do("hostile.armed.append(1)")
    yield process
    assert process.do("hostile.ran") == []
    assert process.errors() == ""


def census(peer: Peer) -> tuple[dict[str, Any], dict[int, int]]:
    """The answer, and the lengths that it put into its file."""
    answer = peer.ask("census", followed=[])
    pairs = np.fromfile(answer["lengths"], dtype=np.uint64).reshape(-1, 2)
    return answer, {int(number): int(length) for number, length in pairs}


def test_a_census_counts_what_is_there_whatever_its_objects_say_of_themselves(
    hostile: Launched,
) -> None:
    answer, lengths = census(hostile.peer())
    names = answer["names"]
    assert names["hostile.Held"] == 60
    assert names["hostile.Getter"] >= 60
    assert names["hostile.MetaMade"] >= 60
    assert {"?.Nameless", "?.Propertied", "hostile.Lists", "hostile.MetaLists"} <= names.keys()
    assert [lengths[hostile.do(f"id(hostile.{name})")] for name in CONTAINERS] == [60, 60]
    assert lengths[hostile.do("id(hostile.big)")] == 100
    assert "lru_cache functools.partial" in {one["kind"] for one in answer["bounded"]}


def test_tasks_and_threads_are_counted_whatever_their_classes_say(hostile: Launched) -> None:
    hostile.do("stay = threading.Event()")
    hostile.do(
        "hostile.armed.clear(), hostile.OddThread(target=stay.wait, daemon=True).start(), "
        "hostile.armed.append(1)"
    )
    peer = hostile.peer()
    answer, _ = census(peer)
    assert (
        sum(
            group["count"]
            for group in answer["tasks"]
            if group["coroutine"] == "start.<locals>.wait"
        )
        == 3
    )
    assert peer.gauges()["tasks"] >= 3
    assert sum(answer["threads"].values()) == peer.gauges()["python_threads"] == 3


def test_causes_are_found_whatever_is_on_the_way(hostile: Launched) -> None:
    peer = hostile.peer()
    peer.ask("trace", on=True)
    hostile.do("hostile.armed.clear(), hostile.leak(2), hostile.armed.append(1)")
    targets = [
        *(
            {"key": name, "kind": "container", "id": str(hostile.do(f"id(hostile.{name})"))}
            for name in CONTAINERS
        ),
        {"key": "held", "kind": "object", "name": "hostile.Held"},
        {"key": "getter", "kind": "object", "name": "hostile.Getter"},
        {"key": "meta", "kind": "object", "name": "hostile.MetaMade"},
        {"key": "propertied", "kind": "object", "name": "?.Propertied"},
    ]
    causes = peer.ask("causes", targets=targets)
    assert {key: cause.get("name") for key, cause in causes.items() if key in CONTAINERS} == {
        "registry": "hostile.registry",
        "leaked": "hostile.leaked",
    }
    for key in ("registry", "leaked", "held", "getter"):
        assert causes[key]["made_at"].rpartition("/")[2].startswith("hostile.py:"), key
    assert all(causes[key]["chain"] for key in ("held", "getter", "meta", "propertied"))


def test_numbers_and_garbage_are_read_whatever_modules_are_loaded(hostile: Launched) -> None:
    peer = hostile.peer()
    assert any(file.endswith("hostile.py") for file in peer.ask("numbers", files=[]))
    assert "names" in peer.ask("garbage")
