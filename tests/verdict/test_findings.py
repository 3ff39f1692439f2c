"""What piles up, and why: from censuses written by hand, and from real servers."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from record_builder import Script
from server_scripts import ECHO_SCENARIO, SERVED, written

from harness.record.record import Cause, Causes, Census, RunRecord, TaskGroup
from harness.verdict.findings import UNREACHED, all_findings, as_notice, shown
from harness.verdict.outcome import Finding


def findings(record: RunRecord, *, first: Collection[str] = ()) -> tuple[Finding, ...]:
    """Those that are shown."""
    return shown(all_findings(record), first=first)


CYCLES = ((5, 5), (13, 25), (22, 70), (40, 160))
HANDLER = TaskGroup(
    "Room.keep", "/srv/app/room.py:12", "Room.join", "/srv/app/room.py:30", {"self": "room.Room"}, 0
)


def censuses(of: dict[str, float], *, tasks: float = 0.0, entries: float = 0.0) -> RunRecord:
    """A run whose types, tasks and one list grow by so much a session."""
    record = Script().record(40)
    lengths: list[int] = []
    for cycle, sessions in CYCLES:
        types = {name: round(10 + rate * sessions) for name, rate in of.items()}
        group = TaskGroup(
            **{
                **{name: getattr(HANDLER, name) for name in HANDLER.__slots__},
                "count": round(tasks * sessions),
            }
        )
        lengths.append(round(1 + entries * sessions))
        rising = {"100:7": tuple(lengths)} if entries else {}
        record.add(Census(1.0, cycle, sessions, types, (group,), rising))
    return record


def test_a_task_names_its_coroutine_the_line_that_made_it_and_what_it_holds() -> None:
    (one,) = findings(censuses({}, tasks=1.0))
    assert (one.kind, one.type, one.count_per_session) == ("task", "Room.keep", 1.0)
    assert (one.created_at, one.created_in, one.owner) == (
        "/srv/app/room.py:12",
        "Room.join",
        "application",
    )
    assert "local self <room.Room>" in one.chain


def test_a_container_is_told_by_the_statement_that_inserts_with_its_source_and_what_to_do() -> None:
    record = censuses({}, entries=1.0)
    source = ("  27 history = load(user)", "> 28 histories[user] = history")
    cause = Cause(
        name="app.histories",
        owner="application",
        made_at="/srv/app/app.py:28",
        made_in="chat",
        inserts=True,
        source=source,
    )
    record.add(Causes(2.0, {"100:7": cause}))
    (finding,) = findings(record)
    assert "stay in `app.histories`, added in `chat` (/srv/app/app.py:28)" in finding.summary
    assert finding.source == source
    assert finding.advice == (
        "Entries added to `app.histories` in `chat()` (app.py:28) are never removed. Remove them "
        "when the connection ends."
    )


@pytest.mark.parametrize(
    ("made_at", "made_in", "inserts", "advice"),
    [
        (
            "/srv/app/app.py:28",
            "",
            True,
            "Entries added to `app.histories` (app.py:28) are never removed. Remove them when the "
            "connection ends.",
        ),
        (
            "/srv/app/app.py:28",
            "chat",
            False,
            "Entries added to `app.histories` are never removed. Remove them when the connection "
            "ends.",
        ),
    ],
)
def test_the_advice_names_the_place_that_inserts_as_far_as_it_is_known(
    made_at: str, made_in: str, inserts: bool, advice: str
) -> None:
    record = censuses({}, entries=1.0)
    cause = Cause(
        name="app.histories",
        owner="application",
        made_at=made_at,
        made_in=made_in,
        inserts=inserts,
    )
    record.add(Causes(2.0, {"100:7": cause}))
    (finding,) = findings(record)
    assert finding.advice == advice


def test_every_kind_of_finding_says_what_to_do_and_a_notice_does_not() -> None:
    record = censuses({"room.Room": 1.0}, tasks=1.0, entries=1.0)
    record.add(Causes(2.0, {"garbage:room.Page": Cause(count=9), "cpu:spin": Cause(count=9)}))
    everything = all_findings(record)
    assert {"object", "task", "container", "garbage", "cpu"} <= {one.kind for one in everything}
    assert all(finding.advice for finding in everything)
    assert as_notice(everything[0]).advice == ""


def test_a_string_that_grows_is_told_in_characters() -> None:
    record = censuses({}, entries=40.0)
    cause = Cause(
        name="app.log",
        owner="application",
        made_at="/srv/app/app.py:28",
        made_in="chat",
        inserts=True,
        bytes=1,
        of="builtins.str",
    )
    record.add(Causes(2.0, {"100:7": cause}))
    (finding,) = findings(record)
    assert finding.summary == (
        "`app.log` gets longer by 40.00 characters per session, added in `chat` "
        "(/srv/app/app.py:28). They hold 40B per session"
    )
    assert finding.advice == (
        "`app.log` gets longer in `chat()` (app.py:28) and is never cut. Cut it, or write it to "
        "a file."
    )


def test_a_cache_without_a_maximum_is_advised_to_have_one() -> None:
    record = censuses({}, entries=1.0)
    record.add(Causes(2.0, {"100:7": Cause(name="app.profile cache", owner="application")}))
    (finding,) = findings(record)
    assert finding.advice == (
        "`app.profile` keeps a result for each new argument. Give it a maximum: "
        "`lru_cache(maxsize=128)`."
    )


def test_a_registry_of_warnings_is_said_to_be_a_warning_with_ever_new_text() -> None:
    record = censuses({}, entries=1.0)
    name = "sqlalchemy.pool.base.__warningregistry__"
    record.add(Causes(2.0, {"100:7": Cause(name=name, owner="dependency")}))
    (finding,) = findings(record)
    assert finding.advice == (
        "`sqlalchemy.pool.base` gives a warning with another text each time, and Python keeps each "
        "text. Look for the warning in the server's log and remove its cause."
    )


def test_memory_that_one_line_of_python_allocates_is_never_native() -> None:
    record = Script().record(40)
    for cycle, sessions in CYCLES:
        record.add(Census(1.0, cycle, sessions, {}, mappings={"[heap]": 3000 * sessions}))
    cause = Cause(
        made_at="/srv/app/app.py:28", made_in="chat", made_by="application", bytes=1024, count=15
    )
    record.add(Causes(2.0, {"native:[heap]": cause}, final=True, traced_sessions=5))
    (finding,) = findings(record)
    assert (finding.kind, finding.type) == ("object", "Python memory")
    assert (finding.count_per_session, finding.bytes_per_session) == (3.0, 3072)
    assert finding.summary == (
        "3.00 blocks of Python memory per session stay, created in `chat` (/srv/app/app.py:28). "
        "They hold 3KiB per session. No tracked object holds them: they are interned, or an "
        "extension module keeps them"
    )


def test_a_zombie_is_told_as_one_with_the_command_and_the_line_that_started_it() -> None:
    record = Script().record(40)
    for cycle, sessions in CYCLES:
        record.add(Census(1.0, cycle, sessions, {}, children={"ffmpeg <defunct>": sessions}))
    cause = Cause(made_at="/srv/app/voice.py:9", made_in="speak", state="started as `ffmpeg -i -`")
    record.add(Causes(2.0, {"child-process:ffmpeg <defunct>": cause}))
    (finding,) = findings(record)
    assert finding.kind == "child-process"
    assert finding.summary == (
        "1.00 child processes per session have ended, and nobody waits for them: "
        "`ffmpeg <defunct>`, created in `speak` (/srv/app/voice.py:9). Started as `ffmpeg -i -`"
    )


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (161, "They belong to 160 sessions that were closed more than 31 s ago"),
        (40, "40 of these 161 belong to 160 sessions that were closed more than 31 s ago"),
        (0, ""),
    ],
)
def test_a_task_says_of_how_many_closed_sessions_they_are(left: int, words: str) -> None:
    record = censuses({}, tasks=1.0)
    last = record.censuses[-1]
    owned = replace(
        last.tasks[0],
        count=161,
        left=left,
        closed_sessions=160,
        newest_closed_s=31.4,
        oldest_closed_s=99,
    )
    record.censuses[-1] = replace(last, tasks=(owned,))
    (one,) = findings(record)
    assert words in one.summary
    assert ("belong to" in one.summary) is bool(words)


def test_a_container_of_several_workers_is_one_finding_with_the_sum_of_their_entries() -> None:
    record = censuses({}, entries=1.0)
    for number, census in enumerate(record.censuses):
        both = census.rising | {"101:9": tuple(length // 2 for length in census.rising["100:7"])}
        record.censuses[number] = replace(census, rising=both)
    cause = Cause(("module server",), "server.names", "application", bytes=100)
    record.add(Causes(2.0, {"100:7": cause, "101:9": cause}))
    (finding,) = findings(record)
    assert finding.count_per_session == pytest.approx(1.5, abs=0.01)
    assert finding.bytes_per_session == pytest.approx(150, abs=1)
    assert finding.summary.startswith("1.50 entries per session stay in `server.names`")


def test_a_container_is_named_by_its_path_without_places_in_lists() -> None:
    record = censuses({}, entries=1.0)
    chain = (
        "module server",
        ".registries <list>",
        "[3] <server.Registry>",
        "._users <builtins.dict>",
    )
    cause = Cause(
        chain,
        "server.registries[3]._users",
        "application",
        "/srv/app/server.py:9",
        "Registry.add",
        bytes=80,
    )
    record.add(Causes(2.0, {"100:7": cause}))
    (one,) = findings(record)
    assert (one.kind, one.type, one.count_per_session) == (
        "container",
        "server.registries[]._users",
        1.0,
    )
    assert (one.created_at, one.created_in, one.bytes_per_session) == (
        "/srv/app/server.py:9",
        "Registry.add",
        80,
    )


def test_types_that_grow_come_with_their_chain_and_parts_of_them_not_at_all() -> None:
    record = censuses({"builtins.dict": 2.0, "room.Room": 1.0, "room.Steady": 0.0})
    record.add(
        Causes(
            2.0, {"object:room.Room": Cause(("module server", ".rooms <list>", "[3] <room.Room>"))}
        )
    )
    (one,) = findings(record)
    assert (one.type, one.chain[-1]) == ("room.Room", "[3] <room.Room>")


def test_what_nothing_in_python_leads_to_is_laid_at_an_extensions_door() -> None:
    record = censuses({"multidict._multidict.CIMultiDict": 1.0})
    cause = Cause(
        made_at="/srv/app/server.py:6", made_in="chat", made_by="application", unreached=True
    )
    record.add(Causes(2.0, {"object:multidict._multidict.CIMultiDict": cause}))
    (one,) = findings(record)
    assert (one.created_at, one.created_in) == ("/srv/app/server.py:6", "chat")
    assert one.summary.endswith(UNREACHED)


def test_parts_are_told_where_nothing_else_is_known() -> None:
    assert [one.type for one in findings(censuses({"builtins.dict": 2.0}))] == ["builtins.dict"]


def test_what_the_gates_point_at_comes_first() -> None:
    record = censuses({}, tasks=1.0)
    record.add(
        Causes(
            2.0,
            {"cpu:Room.spin": Cause(made_at="/srv/app/room.py:3", made_in="Room.spin", count=40)},
        )
    )
    assert [one.kind for one in findings(record)] == ["task", "cpu"]
    assert [one.kind for one in findings(record, first={"cpu"})] == ["cpu", "task"]


def test_what_grew_only_at_first_is_no_finding() -> None:
    record = censuses({"room.Room": 0.0})
    record.censuses[-1].types["late.Import"] = 1
    assert findings(record) == ()


def fingerprint(place: str, line: int, made_in: str = "Room.join") -> str:
    record = censuses({}, tasks=1.0)
    for census in record.censuses:
        for group in census.tasks:
            object.__setattr__(group, "made_at", f"{place}/room.py:{line}")
            object.__setattr__(group, "made_in", made_in)
    (one,) = findings(record)
    return one.fingerprint


def test_a_fingerprint_is_the_same_elsewhere_and_another_for_another_cause() -> None:
    assert fingerprint("/srv/app", 12) == fingerprint("/home/me/app", 14)
    assert fingerprint("/srv/app", 12) != fingerprint("/srv/app", 12, "Room.leave")


KEEPING = """
pools, streams, failures, ears = [], [], [], []

class RenderFailed(Exception):
    pass

def draw(pixels):
    raise RenderFailed(len(pixels))

def fail(pixels):
    try:
        draw(pixels)
    except RenderFailed as error:
        failures.append(error)

async def captions(pixels):
    for pixel in pixels:
        yield pixel

async def begin(pixels):
    streams.append(captions(pixels))
    await anext(streams[-1])

def work():
    pools.append(ThreadPoolExecutor(1))
    pools[-1].submit(int)

def listen():
    ears.append(threading.Event())
    threading.Thread(target=ears[-1].wait, name=f"ear {len(ears)}", daemon=True).start()

async def close_in_time(pixels):
    with ThreadPoolExecutor(1) as pool:
        pool.submit(int)
    with suppress(RenderFailed):
        draw(pixels)
    async with aclosing(captions(pixels)) as stream:
        await anext(stream)

async def handle(connection):
    pixels = bytearray(os.urandom(2**20))
    fail(pixels)
    await begin(pixels)
    work()
    listen()
    await close_in_time(pixels)
    async for message in connection:
        await connection.send(message)
"""


def kept(folder: Path) -> subprocess.Popen[str]:
    """A run, of ten visits, against a server in that folder that keeps some of what each visit
    makes.
    """
    folder.mkdir(parents=True)
    (folder / "visit.py").write_text(ECHO_SCENARIO)
    imports = (
        "import threading\nfrom concurrent.futures import ThreadPoolExecutor\nfrom contextlib "
        "import aclosing, suppress"
    )
    server = written(folder, f"{imports}\n{KEEPING}")
    words = [
        "run",
        "visit.py",
        "--protocol",
        "plain",
        "--serve",
        server,
        "--cycles",
        "10",
        "--sessions",
        "1",
    ]
    command = [sys.executable, "-m", "harness", *words, "--grace", "0", "--json", "--out", "out"]
    return subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )


@pytest.mark.slow
def test_executors_generators_and_exceptions_are_told_as_such_and_known_again_elsewhere(
    tmp_path: Path,
) -> None:
    runs = [kept(tmp_path / "here"), kept(tmp_path / "some" / "where" / "else 7")]
    here, elsewhere = (json.loads(run.communicate(timeout=240)[0])["findings"] for run in runs)
    told = {one["type"]: one for one in here}
    lines = {
        text: number
        for number, text in enumerate((tmp_path / "here" / SERVED).read_text().splitlines(), 1)
    }
    for kind, name, made_at, words in (
        (
            "thread",
            "concurrent.futures.thread.ThreadPoolExecutor",
            "pools.append",
            "Nobody has shut it down",
        ),
        (
            "object",
            "async_generator captions",
            "streams.append",
            f"It is suspended at {{}}:{lines['        yield pixel']}, and",
        ),
        (
            "object",
            "__main__.RenderFailed",
            "raise RenderFailed",
            "Its traceback holds 2 frames, from {}:",
        ),
    ):
        one = told[name]
        assert (one["kind"], one["count_per_session"]) == (kind, 1.0)
        file, _, line = one["created_at"].rpartition(":")
        assert made_at in Path(file).read_text().splitlines()[int(line) - 1]
        assert words.format(file) in one["summary"]
    assert {one["type"]: one["fingerprint"] for one in elsewhere} == {
        name: one["fingerprint"] for name, one in told.items()
    }
    assert len({one["fingerprint"] for one in here}) == len(here)


def found(folder: Path, *words: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    command = [sys.executable, "-m", "harness", "run", *words, "--grace", "1s", "--json"]
    done = subprocess.run(
        [*command, "--out", "out"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    result: dict[str, Any] = json.loads(done.stdout)
    return result, result["findings"]


@pytest.mark.slow
def test_ten_visits_show_the_original_bug_with_the_line_of_its_create_task(tmp_path: Path) -> None:
    visits = ["--cycles", "10", "--sessions", "1", "--agent-size", "8MiB"]
    result, (worst, *_) = found(tmp_path, "character-switch", "--fault", "untracked-task", *visits)
    assert result["verdict"] == "leak"
    assert result["gates"]["memory"]["growth_per_session"] == pytest.approx(8 * 2**20, rel=0.1)
    assert worst["kind"] == "task"
    assert worst["type"] == "ServiceContext._initialise_agent"
    assert worst["created_in"] == "ServiceContext.handle_config_switch"
    file, _, line = worst["created_at"].rpartition(":")
    assert file.endswith("chat_server/context.py")
    assert "create_task" in Path(file).read_text().splitlines()[int(line) - 1]
    assert "local self <chat_server.context.ServiceContext>" in worst["chain"]
