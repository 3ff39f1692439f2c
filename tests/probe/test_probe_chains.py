"""Which chain explains a pile: the shortest through the application's own names, in real
processes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from probed_process import Launched

DEEP = """
from typing import Dict, List
import near

class Thing:
    pass

def put():
    thing = Thing()
    box = [thing]
    for _ in range(12):
        box = {"in": box}
    near.things.append(thing)
    boxes.append(box)

boxes = []
"""
NEAR = """
things = []
"""
SHOP = """
import asyncio, shelf

class Guest:
    pass

async def serve(reader, writer):
    guest = Guest()
    shelf.keep(guest)
    writer.write(b"welcome")
    await reader.read()

async def open_shop():
    global server, port
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
"""
SHELF = """
kept = {}

def keep(guest):
    kept[len(kept)] = [guest]
"""


def cause_of(process: Launched, name: str) -> Any:
    target = {"key": "k", "kind": "object", "name": name}
    return process.peer().ask("causes", targets=[target])["k"]


def visit(process: Launched) -> None:
    process.do("import socket")
    process.do("guest = socket.create_connection(('127.0.0.1', shop.port))")
    process.do("guest.recv(7) and None")


def opened(process: Launched, tmp_path: Path) -> None:
    libraries = tmp_path / "site-packages"
    libraries.mkdir()
    (libraries / "shelf.py").write_text(SHELF)
    (tmp_path / "shop.py").write_text(SHOP)
    process.do(f"sys.path[:0] = [{str(libraries)!r}, {str(tmp_path)!r}]")
    process.do("import shop")
    process.do("asyncio.run_coroutine_threadsafe(shop.open_shop(), loop).result() and None")


def test_the_shortest_chain_wins_whichever_module_was_loaded_first(
    looping: Launched, tmp_path: Path
) -> None:
    (tmp_path / "deep.py").write_text(DEEP)
    (tmp_path / "near.py").write_text(NEAR)
    looping.do(f"sys.path.insert(0, {str(tmp_path)!r})")
    looping.do("import deep")
    looping.do("sys.modules['near'] = sys.modules.pop('near')")
    looping.do("deep.put()")
    cause = cause_of(looping, "deep.Thing")
    assert cause["chain"] == ["module near", ".things <builtins.list>", "[0] <deep.Thing>"]


def test_a_local_of_an_open_session_does_not_explain_what_a_library_keeps_of_all(
    looping: Launched, tmp_path: Path
) -> None:
    opened(looping, tmp_path)
    visit(looping)
    cause = cause_of(looping, "shop.Guest")
    assert cause["chain"][0] == "module shelf"
    assert cause["name"].startswith("shelf.kept")


def test_the_applications_own_class_is_its_own_where_a_library_holds_it(
    looping: Launched, tmp_path: Path
) -> None:
    opened(looping, tmp_path)
    visit(looping)
    assert cause_of(looping, "shop.Guest")["owner"] == "application"


def test_what_asyncio_makes_for_a_connection_is_not_said_to_be_made_by_the_probe(
    looping: Launched, tmp_path: Path
) -> None:
    opened(looping, tmp_path)
    looping.peer().ask("trace", on=True)
    visit(looping)
    made_at = cause_of(looping, "asyncio.streams.StreamReader")["made_at"]
    assert made_at
    assert "/probe/" not in made_at


def test_the_census_counts_nothing_by_which_the_probe_calls_malloc(looping: Launched) -> None:
    names = looping.peer().ask("census", followed=[])["names"]
    assert not [name for name in names if name.startswith(("ctypes.CDLL", "_ctypes.PyCFunc"))]


def test_an_entry_without_a_name_is_told_by_its_kind(looping: Launched) -> None:
    looping.do("import itertools")
    looping.do("kept = itertools.cycle([])")
    looping.do("pile = []; kept = itertools.chain(pile)")
    number = looping.do("id(pile)")
    looping.do("del pile")
    target = {"key": "k", "kind": "container", "id": str(number)}
    cause = looping.peer().ask("causes", targets=[target])["k"]
    assert "->" not in cause.get("name", "")
