"""What the probe says of what piles up, in real processes of every CPython that can be had."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from leaky_modules import APPLICATION, CHAINS, INN, LEDGER, LIBRARY, NAMES, TOWN
from probed_process import HAS_MALLINFO2, PUPPET, VERSIONS, Launch, Launched, interpreter
from psutil import Process


@pytest.fixture(params=VERSIONS)
def served(request: pytest.FixtureRequest, launch: Launch, tmp_path: Path) -> Iterator[Launched]:
    """A process of that version with the application loaded."""
    (tmp_path / "hotel.py").write_text(APPLICATION)
    process = launch("-c", PUPPET, "loop", python=interpreter(request.param), path=tmp_path)
    process.do("import hotel")
    yield process
    assert process.errors() == ""


def census(
    process: Launched, followed: tuple[str, ...] = ()
) -> tuple[dict[str, Any], dict[int, int]]:
    """The answer, and the lengths that it put into its file."""
    answer = process.peer().ask("census", followed=list(followed))
    pairs = np.fromfile(answer["lengths"], dtype=np.uint64).reshape(-1, 2)
    return answer, {int(number): int(length) for number, length in pairs}


def test_types_are_counted_by_their_names_and_containers_by_their_lengths(served: Launched) -> None:
    before, lengths = census(served)
    served.do("hotel.let(30); hotel.say(40)")
    after, longer = census(served)
    assert after["names"]["hotel.Room"] - before["names"].get("hotel.Room", 0) == 30
    for path, grown in (("hotel.hotel.by_name", 30), ("hotel.words", 40)):
        number = served.do(f"id({path})")
        assert longer[number] - lengths.get(number, 0) == grown


def test_a_container_that_is_followed_itself_is_not_followed_by_its_place_too(
    served: Launched,
) -> None:
    served.do("hotel.let(60)")
    number = served.do("id(hotel.hotel.by_name)")
    owners = served.do("id(hotel.hotel), id(vars(hotel.hotel))")
    for followed, places in (((), 1), ((str(number),), 0)):
        _, lengths = census(served, followed)
        assert lengths[number] == 60
        assert (
            sum((one & ~(1 << 63)) >> 10 in owners for one in lengths if one >= 1 << 63) == places
        )


def test_containers_of_every_kind_are_named_by_what_they_hang_on_once_they_grow(
    served: Launched, tmp_path: Path
) -> None:
    (tmp_path / "town.py").write_text(TOWN)
    served.do("import town; town.grow(5)")
    _, before = census(served)
    served.do("town.grow(20)")
    _, after = census(served)
    peer = served.peer()
    peer.ask("trace", on=True)
    served.do("town.grow(1)")
    longer = [
        str(number) for number in after if number in before and after[number] >= before[number] + 20
    ]
    targets = [
        {"key": number, "kind": "container", "id": number}
        for number in longer
        if int(number) < 2**63
    ]
    found = {
        one["name"]: one for one in peer.ask("causes", targets=targets).values() if "name" in one
    }
    assert NAMES - found.keys() == set()
    for name in ("town.people", "atexit", "logging.Logger.handlers"):
        assert "town.py:" in found[name]["made_at"]


def test_a_container_is_told_with_its_owner_and_the_numbers_next_to_it(
    served: Launched, tmp_path: Path
) -> None:
    source = tmp_path / "library.py"
    source.write_text(LIBRARY)
    served.do("import library; library.grow()")
    containers = (
        "shelf.books",
        "latest",
        "titles",
        "note.__closure__[1].cell_contents",
        "state.pages",
        "job.pages",
    )
    targets = [
        {"key": path, "kind": "container", "id": str(served.do(f"id(library.{path})"))}
        for path in containers
    ]
    peer = served.peer()
    found = {key: one["home"] for key, one in peer.ask("causes", targets=targets).items()}
    books, latest, titles, read, pages, job = (found[path] for path in containers)
    assert (books["names"], books["files"], books["numbers"]) == (
        ["Shelf"],
        [str(source)],
        {"most": 20},
    )
    assert (latest["own"], latest["files"][0], latest["numbers"]["limit"]) == (
        ["Latest"],
        str(source),
        5,
    )
    assert (titles["names"], titles["files"]) == ([], [str(source)])
    assert (read["names"][0].rpartition(".")[2], read["numbers"]) == ("note", {"most": 7})
    assert (pages["names"], pages["files"]) == (["SimpleNamespace"], [])
    assert (job["names"], job["files"]) == (["Task"], [str(source)])
    numbers = peer.ask("numbers", files=[])[str(source)]
    assert (numbers["MOST"], numbers["settings.most"], numbers["shelf.most"]) == (40, 30, 20)
    of_interpreter = served.do("asyncio.__file__")
    assert of_interpreter not in peer.ask("numbers", files=[])
    assert of_interpreter in peer.ask("numbers", files=[of_interpreter])


def test_what_keeps_an_object_is_told_by_attribute_and_key(served: Launched) -> None:
    served.do("hotel.let(3)")
    found = served.peer().ask(
        "causes", targets=[{"key": "k", "kind": "object", "name": "hotel.Room"}]
    )["k"]
    assert found["owner"] == "application"
    assert found["chain"][0] == "module hotel"
    assert any(".hotel <hotel.Hotel>" in link for link in found["chain"])
    assert any(".by_name" in link for link in found["chain"])
    assert found["bytes"] > 50


def test_a_chain_names_locals_closures_context_variables_and_frames_of_exceptions(
    served: Launched, tmp_path: Path
) -> None:
    (tmp_path / "inn.py").write_text(INN)
    served.do("import inn")
    served.do("asyncio.run_coroutine_threadsafe(inn.open(), loop).result() and None")
    targets = [{"key": name, "kind": "object", "name": f"inn.{name}"} for name in CHAINS]
    found = served.peer().ask("causes", targets=targets)
    for name, links in CHAINS.items():
        chain = " → ".join(found[name]["chain"]).replace(str(tmp_path), "")
        for link in links:
            assert link in chain, name


def test_the_line_that_makes_things_is_told_once_it_has_been_traced(served: Launched) -> None:
    peer = served.peer()
    peer.ask("trace", on=True)
    served.do("hotel.let(5); hotel.say(5)")
    number = served.do("id(hotel.words)")
    targets = [
        {"key": "room", "kind": "object", "name": "hotel.Room"},
        {"key": "words", "kind": "container", "id": str(number)},
    ]
    found = peer.ask("causes", targets=targets)
    lines = APPLICATION.splitlines()
    for key, said in (("room", "Room(name)"), ("words", "words.append")):
        file, _, line = found[key]["made_at"].rpartition(":")
        assert file.endswith("hotel.py")
        assert said in lines[int(line) - 1]
    assert served.do("__import__('tracemalloc').is_tracing()") is False


@pytest.mark.parametrize(
    ("starts", "command"),
    [
        ("__import__('os').posix_spawn('/bin/sleep', ['sleep', '0'], {})", "sleep 0"),
        ("hotel.started = __import__('subprocess').Popen(['/bin/sleep', '0'])", "/bin/sleep 0"),
    ],
)
def test_a_zombie_is_told_with_its_command_and_the_line_that_started_it(
    served: Launched, starts: str, command: str
) -> None:
    peer = served.peer()
    peer.ask("trace", on=True)
    served.do(f"exec(compile({starts!r}, '/srv/app/hotel.py', 'exec'), globals())")
    target = {"key": "tool", "kind": "started", "words": "sleep"}
    found = peer.ask("causes", targets=[target])["tool"]
    assert found["state"] == f"started as `{command}`"
    assert found["made_at"] == "/srv/app/hotel.py:1"


def test_what_the_probe_wraps_is_told_by_the_line_of_the_application(served: Launched) -> None:
    peer = served.peer()
    peer.ask("trace", on=True)
    served.do("done = threading.Event()")
    served.do(
        "loop.call_soon_threadsafe(lambda: (hotel.wait_in(20), done.set())) and None; done.wait()"
    )
    targets = [{"key": "k", "kind": "container", "id": str(served.do("id(hotel.tasks)"))}]
    cause = peer.ask("causes", targets=targets)["k"]
    assert "hotel.py:" in cause["made_at"]


def test_an_entry_that_is_a_used_dict_is_told_by_most_of_what_is_in_it_and_not_by_its_key(
    served: Launched, tmp_path: Path
) -> None:
    """The interpreter gives used dicts out again: here they are older than the trace."""
    (tmp_path / "ledger.py").write_text(LEDGER)
    served.do("import ledger")
    peer = served.peer()
    peer.ask("trace", on=True)
    served.do("ledger.write(5)")
    names = ("lines", "pages")
    targets = [
        {"key": name, "kind": "container", "id": str(served.do(f"id(ledger.{name})"))}
        for name in names
    ]
    found = peer.ask("causes", targets=targets)
    for name in names:
        file, _, line = found[name]["made_at"].rpartition(":")
        assert file.endswith("ledger.py")
        assert "# here" in LEDGER.splitlines()[int(line) - 1]


def test_what_the_trace_keeps_for_itself_stands_for_nothing(
    served: Launched, tmp_path: Path
) -> None:
    """It notes the places of whatever is opened in lists, and they are the newest lists of all."""
    peer = served.peer()
    peer.ask("trace", on=True)
    served.do("hotel.opened = [open('/dev/null').close() for _ in range(200)]")
    found = peer.ask(
        "causes", targets=[{"key": "lists", "kind": "object", "name": "builtins.list"}]
    )
    assert "/probe/trace.py" not in found["lists"]["made_at"]


KEEPING = """
class Room:
    def __init__(self):
        self.said = ()
        self.guests = frozenset()

    def hear(self, count):
        for number in range(count):
            self.said = self.said + (f"message {number}",)
            self.guests = self.guests | {f"guest {len(self.guests)}"}

room = Room()

def keep(count):
    return [f"kept {number}" * 100 for number in range(count)]
"""


def test_a_tuple_or_frozenset_that_is_bound_anew_is_followed_by_its_place(
    served: Launched, tmp_path: Path
) -> None:
    (tmp_path / "keeping.py").write_text(KEEPING)
    served.do("import keeping; keeping.room.hear(60)")
    _, before = census(served)
    peer = served.peer()
    peer.ask("trace", on=True)
    served.do("keeping.room.hear(30)")
    _, after = census(served)
    longer = [
        str(number)
        for number, length in after.items()
        if number >= 1 << 63 and number in before and length == before[number] + 30
    ]
    targets = [{"key": number, "kind": "place", "id": number} for number in longer]
    causes = peer.ask("causes", targets=targets)
    names = {cause.get("name") for cause in causes.values()}
    assert {"keeping.Room.said", "keeping.Room.guests"} <= names


def test_the_line_that_allocates_most_is_told_while_the_trace_goes_on(
    served: Launched, tmp_path: Path
) -> None:
    (tmp_path / "keeping.py").write_text(KEEPING)
    served.do("import keeping")
    peer = served.peer()
    asked = [{"key": "heap", "kind": "memory"}]
    assert peer.ask("causes", targets=asked) == {"heap": {}}
    peer.ask("trace", on=True)
    served.do("kept = keeping.keep(50)")
    told = peer.ask("causes", targets=asked)["heap"]
    line = KEEPING.splitlines().index("def keep(count):") + 2
    assert told["made_at"].endswith(f"keeping.py:{line}")
    assert told["count"] >= 50
    assert told["bytes"] > 50 * 600
    assert served.do("__import__('tracemalloc').is_tracing()") is True
    peer.ask("trace", on=False)


def test_what_an_extension_has_lost_is_known_to_be_reached_from_nowhere(served: Launched) -> None:
    served.do("hotel.let(1); import ctypes")
    served.do("ctypes.pythonapi.Py_IncRef(ctypes.py_object(hotel.hotel.by_name.popitem()[1]))")
    found = served.peer().ask(
        "causes", targets=[{"key": "k", "kind": "object", "name": "hotel.Room"}]
    )["k"]
    assert found["unreached"] is True
    assert found["bytes"] > 50


def test_a_cache_is_called_by_its_function(served: Launched) -> None:
    served.do("hotel.price(1)")
    number = served.do(
        "next(id(one) for one in gc.get_referents(hotel.price) if type(one) is dict and 1 in one)"
    )
    found = served.peer().ask(
        "causes", targets=[{"key": "k", "kind": "container", "id": str(number)}]
    )["k"]
    assert found["name"] == "hotel.price cache"


def test_tasks_are_told_with_the_line_that_made_them_and_what_they_hold(served: Launched) -> None:
    served.do("done = threading.Event()")
    served.do(
        "loop.call_soon_threadsafe(lambda: (hotel.wait_in(4), done.set())) and None; done.wait()"
    )
    (group,) = [
        one
        for one in census(served)[0]["tasks"]
        if "wait" in one["coroutine"] and one["count"] == 4
    ]
    file, _, line = group["made_at"].rpartition(":")
    assert file.endswith("hotel.py")
    assert "ensure_future" in APPLICATION.splitlines()[int(line) - 1]
    assert group["holds"]["room"] == "hotel.Room"
    targets = [
        {"key": "t", "kind": "task", "coroutine": group["coroutine"], "made_at": group["made_at"]}
    ]
    assert served.peer().ask("causes", targets=targets)["t"]["bytes"] > 100


def test_what_a_thread_does_instead_of_waiting_is_seen(served: Launched) -> None:
    served.do("over = threading.Event()")
    served.do("busy = lambda: [sum(range(1000)) for _ in iter(over.is_set, True)]")
    served.do("threading.Thread(target=busy, daemon=True).start()")
    found = served.peer().ask("stacks", seconds=0.3)
    served.do("over.set()")
    assert any("<string>" in place for place in found)


def test_what_a_module_keeps_of_freed_objects_is_left_alone(served: Launched) -> None:
    served.do("for _ in range(3): iter(asyncio.Future(loop=loop))")
    served.do("hotel.let(1)")
    served.peer().ask("causes", targets=[{"key": "k", "kind": "object", "name": "hotel.Room"}])
    served.peer().ask("causes", targets=[{"key": "k", "kind": "object", "name": "no.such"}])
    census(served)
    served.do("for _ in range(3): iter(asyncio.Future(loop=loop))")
    assert served.do("gc.collect()") >= 0


def test_garbage_is_told_apart_from_what_is_kept(served: Launched) -> None:
    served.do("gc.disable(); hotel.let(2)")
    served.do("exec('for _ in range(20):\\n room = hotel.Room(1); room.door.room = room')")
    served.do("del room")
    found = served.peer().ask("garbage")
    assert found["names"]["hotel.Room"] == 20
    assert served.do("gc.garbage") == []


@pytest.mark.slow
@pytest.mark.skipif(not HAS_MALLINFO2, reason="this libc has no mallinfo2")
def test_census_and_chains_leave_the_memory_of_a_large_server_as_it_was(looping: Launched) -> None:
    looping.do("kept = [[str(number)] for number in range(600_000)]")
    peer, outside = looping.peer(), Process(looping.process.pid)
    peer.gauges()
    before = outside.memory_full_info().uss
    number = str(looping.do("id(kept)"))
    targets = [
        {"key": "k", "kind": "container", "id": number},
        {"key": "d", "kind": "object", "name": "builtins.list"},
    ]
    for _ in range(2):
        peer.ask("census", followed=[])
        assert peer.ask("causes", targets=targets)["k"]["name"] == "__main__.kept"
    assert looping.do("len(kept)") == 600_000
    peer.gauges()
    assert outside.memory_full_info().uss < 1.05 * before


def test_censuses_leave_no_objects_in_the_server(served: Launched) -> None:
    served.do("hotel.let(3)")
    peer = served.peer()

    def objects() -> int:
        peer.ask("census", followed=[])
        return int(peer.gauges()["gc_objects"])

    readings = [
        objects() for _ in range(8)
    ]  # one may come while a thread still ends: the floor is what stays
    assert min(readings[5:]) - min(readings[2:5]) <= 2, readings
