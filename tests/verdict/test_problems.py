"""What could not be read is told: in the record, on the console, in the verdict; never taken for
flat.
"""

from __future__ import annotations

import asyncio
import json
import os
import shlex
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import command
import pytest
from lying_probe import lying
from record_builder import KIB, NOW, Script, memory, under
from server_scripts import ECHO_SCENARIO

from harness.errors import ProbeError
from harness.probe import wire
from harness.record.record import (
    Causes,
    Census,
    Incident,
    LogCounts,
    RunRecord,
    decode_line,
    encode_line,
)
from harness.record.store import load_record
from harness.reporters import console
from harness.target.launched import free_port
from harness.target.probe_client import ProbeLink
from harness.verdict.judge import judge
from harness.verdict.outcome import Status, VerdictName
from harness.verdict.problems import no_mallinfo, problem_of, problems, skipped

RUN = ("--protocol", "plain", "--out", "out", "--cycles", "2")
EMPTY = {
    "names": {},
    "threads": {},
    "labels": {},
    "apart": [],
    "lengths": "",
    "tasks": [],
    "bounded": [],
}


def run(folder: Path, lies: dict[str, object]) -> tuple[dict[str, Any], str]:
    """The result and the last lines of a run against a probe that lies."""
    (folder / "echo.py").write_text(ECHO_SCENARIO)
    done = command.done(folder, "run", "echo.py", *RUN, "--serve", lying(folder, lies))
    result = json.loads((folder / "out" / "result.json").read_text())
    assert done.returncode == result["exit_status"], done.stderr
    return result, done.stdout


@asynccontextmanager
async def linked(folder: Path, lies: dict[str, object]) -> AsyncIterator[ProbeLink]:
    """A link to such a probe alone."""
    link = ProbeLink()
    environment = {
        **os.environ,
        wire.ENVIRONMENT_VARIABLE: str(link.folder),
        "PORT": str(free_port()),
    }
    process = await asyncio.create_subprocess_exec(
        *shlex.split(lying(folder, lies)), env=environment
    )
    try:
        await link.greet(60)
        yield link
    finally:
        process.kill()
        await process.wait()
        await link.close()


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        ({"answer": {"tasks": [{"wrong_key": 1}], "names": {}}}, '{"tasks":[{"wrong_key":1}]'),
        ({"answer": {**EMPTY, "bounded": [{"id": "1", "kind": 5}]}}, "$.bounded[0].kind"),
        ({"answer": {**EMPTY, "apart": [-1]}}, "$.apart[0]"),
        ({"answer": {**EMPTY, "lengths": "/etc/hostname"}}, "/etc/hostname"),
        ({"answer": None}, "null"),
        ({}, "null"),
        (b"\xff\xfenonsense", "nonsense"),
        ({"error": "census: AttributeError in _note_cache"}, "AttributeError in _note_cache"),
    ],
)
async def test_a_malformed_answer_is_a_defect_of_the_probe_that_shows_how_it_begins(
    tmp_path: Path, answer: object, shown: str
) -> None:
    async with linked(tmp_path, {"census": answer}) as link:
        with pytest.raises(ProbeError) as error:
            await link.census([])
    assert shown in str(error.value)


@pytest.mark.parametrize(
    ("request_name", "answer"),
    [
        ("causes", {"1": {"chain": "module"}}),
        ("causes", {"1": {"home": {"names": []}}}),
        ("garbage", {"names": {}}),
        ("native", {"path": "x"}),
        ("numbers", {"a": {"b": "c"}}),
        ("sample", {"gauges": {"blocks": "many"}}),
        ("stacks", {"place": None}),
    ],
)
async def test_every_answer_is_checked(tmp_path: Path, request_name: str, answer: object) -> None:
    async with linked(tmp_path, {request_name: {"answer": answer}}) as link:
        questions: dict[str, Callable[[], Awaitable[object]]] = {
            "causes": lambda: link.causes([]),
            "garbage": link.garbage,
            "native": lambda: link.native(on=True),
            "numbers": lambda: link.numbers([]),
            "sample": link.sample,
            "stacks": lambda: link.stacks(1.0),
        }
        with pytest.raises(ProbeError, match="does not answer as a probe"):
            await questions[request_name]()


def test_a_run_whose_census_is_malformed_goes_on_and_says_so(tmp_path: Path) -> None:
    result, printed = run(tmp_path, {"census": {"answer": {"tasks": [{"wrong_key": 1}]}}})
    record = load_record(tmp_path / "out")
    assert record.ended is not None
    assert not record.censuses
    problem = problem_of(record, "census")
    assert problem is not None
    assert problem.failed == problem.tried > 0
    containers = result["gates"]["containers"]
    assert (containers["outcome"], containers["reason"]) == ("not-measured", problem.words)
    assert problem.words in result["doubts"]
    assert problem.words in result["problems"]
    assert result["verdict"] != "flat"
    assert "census failed" in " ".join(printed.split())


@pytest.mark.parametrize("greeting", [{"wire": 1}, b"no JSON"])
def test_a_greeting_that_is_malformed_leaves_a_run_without_the_probe_that_says_so(
    tmp_path: Path, greeting: object
) -> None:
    result, _ = run(tmp_path, {"greeting": greeting})
    assert "does not answer as a probe" in result["probe"]
    assert result["gates"]["objects"]["outcome"] == "not-measured"
    assert load_record(tmp_path / "out").ended is not None


def test_readings_that_are_malformed_are_told(tmp_path: Path) -> None:
    result, _ = run(tmp_path, {"sample": {"answer": {"gauges": {"blocks": "many"}}}})
    assert any(
        words.startswith("readings inside the server failed") for words in result["problems"]
    )
    assert result["verdict"] != "flat"


FAILED = Incident(1.0, "the probe could not do it: AttributeError in _note_cache", source="census")


def flat(*lines: Incident | Causes | Census | LogCounts) -> RunRecord:
    """A run without a leak, and these lines."""
    record = Script(policy=NOW).record(45)
    for line in lines:
        record.add(line)
    return record


def test_a_run_whose_census_always_fails_is_not_flat_and_says_why() -> None:
    whole = judge(under(flat(), NOW)).verdict
    assert whole.name is VerdictName.FLAT
    record = flat(*[FAILED] * 8)
    verdict = judge(under(record, NOW)).verdict
    words = f"census failed 8 times of 8: {FAILED.what}"
    assert verdict.name is VerdictName.INCONCLUSIVE
    assert verdict.gates["containers"].outcome is Status.NOT_MEASURED
    assert verdict.gates["containers"].reason == words
    assert words in verdict.summary


def test_one_census_that_failed_among_many_is_told_and_decides_nothing() -> None:
    record = flat(*(Census(1.0, 1, sessions, {}) for sessions in (5, 10, 25, 40, 60)), FAILED)
    verdict = judge(under(record, NOW)).verdict
    assert verdict.name is VerdictName.FLAT
    assert "not read: census failed once of 6" in console.render(
        record, verdict, 200, terminal=False
    )


def test_causes_that_failed_are_told_and_put_nothing_in_doubt() -> None:
    record = flat(Causes(1.0, {}, problem="it did not answer"), replace(FAILED, source="causes"))
    assert [problem.source for problem in problems(record)] == ["causes"]
    assert judge(under(record, NOW)).verdict.name is VerdictName.FLAT


def test_a_log_that_cannot_be_read_is_a_doubt() -> None:
    record = flat(*[LogCounts(1.0, 1, {}, problem="server.log: Permission denied")] * 3)
    assert judge(under(record, NOW)).verdict.doubts == (
        "log failed 3 times of 3: server.log: Permission denied",
    )


def test_what_a_census_skipped_is_told() -> None:
    record = flat(Census(1.0, 1, 5, {}, skipped={"TypeError in _look_behind": 3}))
    assert (
        skipped(record)
        == "the latest census left out 3 objects that cannot be read: TypeError in _look_behind"
    )


def test_lines_of_before_have_no_problems() -> None:
    old = json.loads(encode_line(Census(1.0, 1, 5, {})))
    del old["skipped"]
    assert decode_line(json.dumps(old).encode()) == Census(1.0, 1, 5, {})


@pytest.mark.parametrize(
    ("script", "lines", "words"),
    [
        (Script(memory(256 * KIB), probe=False), [], "Nothing was read inside the server"),
        (Script(memory(64 * KIB)), [FAILED], "report this"),
        (Script(memory(64 * KIB)), [], "--no-explain"),
        (
            Script(memory(64 * KIB), policy=replace(NOW, explain=True)),
            [Census(1.0, 1, 5, {}), Census(2.0, 2, 60, {})],
            "memray",
        ),
    ],
)
def test_a_leak_without_a_finding_says_why_and_what_to_do_next(
    script: Script, lines: list[Incident | Census], words: str
) -> None:
    record = script.record(60)
    for line in lines:
        record.add(line)
    verdict = judge(under(record, script.policy)).verdict
    assert (verdict.name, verdict.findings) == (VerdictName.LEAK, ())
    assert words in verdict.unexplained
    assert f"no finding: {verdict.unexplained}" in console.render(
        record, verdict, 400, terminal=False
    )


def test_a_server_without_mallinfo2_is_told_where_it_has_a_probe() -> None:
    script = Script()
    record = script.record(3)
    assert no_mallinfo(record) == ""
    rest = record.rests[-1]
    values = {name: x for name, x in rest.values.items() if not name.startswith("malloc")}
    record.rests[-1] = replace(rest, values=values)
    assert "no mallinfo2" in no_mallinfo(record)
    assert no_mallinfo(Script(probe=False).record(3)) == ""


def test_a_process_that_is_left_out_voids_flat_and_no_leak() -> None:
    left_out = Incident(9.0, "process 12 is left out from here on: it sleeps", source="process")
    flat, leak = Script().record(40), Script(memory(40 * KIB)).record(40)
    assert judge(flat).verdict.name is VerdictName.FLAT
    for record in (flat, leak):
        record.add(left_out)
    assert judge(leak).verdict.name is VerdictName.LEAK
    verdict = judge(flat).verdict
    assert verdict.name is VerdictName.INCONCLUSIVE
    assert any("process 12 is left out" in doubt for doubt in verdict.doubts)


def test_a_process_that_is_left_out_of_explanations_leaves_flat() -> None:
    record = Script().record(40)
    record.add(Incident(9.0, "process 12 is left out of 'causes' from here on: it sleeps"))
    assert judge(record).verdict.name is VerdictName.FLAT
