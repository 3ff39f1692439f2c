"""The graph of references, drawn by objgraph inside real processes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from leaky_modules import APPLICATION
from probed_process import Launched

from harness.target.probe_client import objgraph_file

HOSTILE = """
ran = []

class Hostile:
    @property
    def __class__(self):
        ran.append("class")
        return int

    def __getattribute__(self, name):
        ran.append(name)
        raise RuntimeError(name)

    def __repr__(self):
        ran.append("repr")
        raise RuntimeError

    def __len__(self):
        ran.append("len")
        raise RuntimeError

class Pile(list):
    def __len__(self):
        ran.append("len of pile")
        return 1

pile = Pile()

def put():
    pile.append([{"held": Hostile()}])
"""


def cause_of(process: Launched, name: str, objgraph: str) -> dict[str, Any]:
    target = {"key": "k", "kind": "object", "name": name}
    answer = process.peer().ask("causes", targets=[target], drawn=["k"], objgraph=objgraph)
    cause: dict[str, Any] = answer["k"]
    return cause


def graph_of(process: Launched, name: str, objgraph: str) -> str:
    graph: str = cause_of(process, name, objgraph).get("graph", "")
    return graph


def loaded(process: Launched, folder: Path, name: str, source: str) -> None:
    (folder / f"{name}.py").write_text(source)
    process.do(f"sys.path.insert(0, {str(folder)!r})")
    process.do(f"import {name}")


def test_objgraph_draws_what_refers_to_an_object_with_the_chain_marked(
    looping: Launched, tmp_path: Path
) -> None:
    loaded(looping, tmp_path, "hotel", APPLICATION)
    looping.do("hotel.let(3)")
    graph = graph_of(looping, "hotel.Room", objgraph_file())
    assert graph.startswith("digraph ObjectGraph {")
    for words in ("hotel.Room", "3 entries", "module hotel", ".by_name"):
        assert words in graph
    assert "0x" not in graph
    assert "__globals__" not in graph


def test_a_graph_of_hostile_objects_runs_none_of_their_code(
    looping: Launched, tmp_path: Path
) -> None:
    loaded(looping, tmp_path, "hostile", HOSTILE)
    looping.do("hostile.put()")
    looping.do("hostile.ran.clear()")
    assert "hostile.Hostile" in graph_of(looping, "hostile.Hostile", objgraph_file())
    assert looping.do("hostile.ran") == []


def test_without_objgraph_there_is_no_graph_and_the_chain_all_the_same(
    looping: Launched, tmp_path: Path
) -> None:
    loaded(looping, tmp_path, "hotel", APPLICATION)
    looping.do("hotel.let(3)")
    broken = tmp_path / "broken.py"
    broken.write_text("raise SystemError")
    for file in ("", str(tmp_path / "none.py"), str(broken)):
        assert graph_of(looping, "hotel.Room", file) == ""
    assert cause_of(looping, "hotel.Room", "")["chain"]


def test_drawing_leaves_nothing_of_objgraph_in_the_server(
    looping: Launched, tmp_path: Path
) -> None:
    loaded(looping, tmp_path, "hotel", APPLICATION)
    looping.do("hotel.let(3)")
    assert graph_of(looping, "hotel.Room", objgraph_file())
    assert looping.do("[name for name in sys.modules if 'objgraph' in name]") == []
