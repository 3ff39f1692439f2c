"""The pytest plugin in test suites of their own, on real small servers."""

from __future__ import annotations

import signal
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import psutil
import pytest
from probed_process import until
from server_scripts import ECHO, written

from harness.record.store import load_record

pytest_plugins = "pytester"

LEAKS = """
kept = []

async def handle(connection):
    async for message in connection:
        kept.append(bytearray(1024 * 1024))
        await connection.send(message)
"""
KEEPS_THREE_LISTS = LEAKS.replace("bytearray(1024 * 1024)", "[[], []]")
DIES = """
async def handle(connection):
    os._exit(3)
"""
STRICT = [
    "-W",
    "error",
    "-W",
    "ignore::pytest.PytestDeprecationWarning",
]  # of pytest-asyncio, unconfigured
QUIET = ["-p", "no:asyncio"]  # in this process its warning would be ours
BASE = "protocol='plain', grace='0', explain=False"
OPEN = f"{BASE}, cycles=1"
GROWS = f"{BASE}, cycles=12, sessions=1, memory_budget='4MiB', limit='256KiB'"
FLAT = f"{BASE}, cycles=13, sessions=7, limit='64KiB', allow=['latency', 'cpu', 'containers']"

ASYNC = """
async def test_visit(leak_session):
    assert await leak_session.request("hi") == "hi"
"""
SYNC = """
def test_visit_of_a_plain_function(leak_session):
    assert leak_session.request("hi") == "hi"
    leak_session.drop()
"""
WHOLE = """
def test_a_whole_run(leak_harness):
    run = leak_harness.run("echo.py")
    assert "memory grows by" in str(run)
    assert run.flat, run

def test_a_whole_run_in_few_words(leak_harness):
    if not leak_harness.run("echo.py", cycles=1).flat:
        raise SystemError
"""
WITH_OTHERS = """
@pytest.fixture
def greeting():
    return "hello"

@pytest.mark.parametrize("times", [2])
async def test_visit(times, greeting, leak_session):
    for _ in range(times):
        assert await leak_session.request(greeting) == "hello"
"""
AT_THE_LIMIT = """
@pytest.mark.parametrize("limit", [
    pytest.param(limit, marks=pytest.mark.leak_harness(object_limit=limit)) for limit in (3, 4)
])
async def test_visit(leak_session, limit):
    assert await leak_session.request("hi") == "hi"
"""

PYTEST_THAT_HEARS_SIGINT = """
import pytest, signal
# A shell without jobs that has put us behind an & lets us ignore it.
signal.signal(signal.SIGINT, signal.default_int_handler)
raise SystemExit(pytest.console_main())
"""


def suite(pytester: pytest.Pytester, handler: str, body: str, marker: str) -> None:
    """Tests of a server with that handler."""
    (pytester.path / "echo.py").write_text(
        "from harness import scenario\n\n@scenario\nasync def echo(session):\n    await "
        "session.request('hi')\n"
    )
    mark = f"pytest.mark.leak_harness(serve={written(pytester.path, handler)!r}, {marker})"
    pytester.makepyfile(f"import pytest\npytestmark = {mark}\n{body}")


@pytest.mark.parametrize("options", [[], ["-o", "asyncio_mode=auto"], ["-p", "no:asyncio"]])
def test_a_leak_fails_a_test_with_the_report_as_its_words(
    pytester: pytest.Pytester, options: list[str]
) -> None:
    suite(pytester, LEAKS, ASYNC, GROWS)
    without_summary = "-rN"  # which in CI repeats it all
    result = pytester.runpytest_subprocess("--strict-markers", without_summary, *STRICT, *options)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*LEAK*memory grows by *iB per session*", "report: *report.html*"])
    assert result.stdout.str().count("report.html") == 1


def test_a_flat_server_passes_with_a_body_of_either_colour_beside_each_other(
    pytester: pytest.Pytester,
) -> None:
    suite(pytester, ECHO, ASYNC + SYNC, FLAT)
    result = pytester.runpytest_subprocess("--strict-markers", *STRICT, "-n", "2")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["leak-harness: 2 leak tests ran next to others*"])


def test_growth_at_the_limit_does_not_pass_and_growth_of_one_below_it_does(
    pytester: pytest.Pytester,
) -> None:
    suite(pytester, KEEPS_THREE_LISTS, AT_THE_LIMIT, FLAT)
    result = pytester.runpytest_subprocess("-v", "-n", "2")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*_ test_visit?3? _*",
            "INCONCLUSIVE*undecided after * sessions: objects (growth over the limit*",
        ]
    )


def test_a_body_that_fails_in_every_session_is_no_leak_and_fails(pytester: pytest.Pytester) -> None:
    suite(pytester, ECHO, ASYNC.replace('== "hi"', '== "ho"'), f"{BASE}, cycles=2, sessions=5")
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*leak-harness: *test_*.py:*: the script raised AssertionError*"])


def test_a_server_that_dies_and_wrong_words_fail_the_test_in_a_sentence(
    pytester: pytest.Pytester,
) -> None:
    wrong = f"@pytest.mark.leak_harness(cycels=2){ASYNC.replace('test_visit', 'test_wrong')}"
    by_the_way = """
@pytest.fixture
def visitor(leak_session):
    return leak_session

def test_by_the_way(visitor):
    pass
"""
    suite(pytester, DIES, ASYNC + wrong + by_the_way, f"{BASE}, cycles=2, sessions=5")
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(failed=3)
    result.stdout.fnmatch_lines(
        [
            "*ended with status 3*",
            "*there is no option 'cycels': did you mean cycles?*",
            "leak_session is an argument of the test itself*",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")


@pytest.mark.parametrize(("policy", "outcome"), [("xfail", "xfailed"), ("skip", "skipped")])
def test_what_an_inconclusive_run_is_can_be_said(
    pytester: pytest.Pytester, policy: str, outcome: str
) -> None:
    suite(pytester, ECHO, ASYNC, OPEN)
    pytester.makeini(f"[pytest]\nleak_inconclusive = {policy}")
    result = pytester.runpytest_subprocess("-rxs")
    result.assert_outcomes(**{outcome: 1})
    result.stdout.fnmatch_lines(["*undecided after *"])


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["-o", "leak_inconclusive=maybe"], "leak_inconclusive is fail, xfail or skip"),
        (["--leak-quick", "--leak-full"], "--leak-quick or --leak-full, not both"),
    ],
)
def test_a_wrong_setting_is_told(pytester: pytest.Pytester, words: list[str], says: str) -> None:
    pytester.runpytest_inprocess(*words, *QUIET).stderr.fnmatch_lines([f"*{says}*"])


def test_a_whole_run_is_a_fixture_whose_text_is_the_report_and_which_is_kept(
    pytester: pytest.Pytester,
) -> None:
    suite(pytester, LEAKS, WHOLE, GROWS)
    kept = pytester.path / "kept"
    result = pytester.runpytest_subprocess("--leak-report", str(kept), "--junitxml", "junit.xml")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            "*AssertionError: LEAK*",
            "E*|memory *",
            "E*report: *",
            "*- leak-harness -*",
            "INCONCLUSIVE *",
            "report: *",
        ]
    )
    assert (
        result.stdout.str().count("- leak-harness -") == 1
    )  # the first has told it in its own words
    assert len(list(kept.glob("*/report.html"))) == 2
    cases = ET.parse(pytester.path / "junit.xml").getroot().iter("testcase")
    first, second = (
        {one.get("name"): one.get("value", "") for one in case.iter("property")} for case in cases
    )
    assert (first["leak_verdict"], second["leak_verdict"]) == ("leak", "inconclusive")
    assert float(first["leak_growth_per_session_bytes"]) > 2**19
    assert Path(first["leak_report"]).is_relative_to(kept)


def test_other_fixtures_and_parameters_reach_the_body_and_full_is_three_servers(
    pytester: pytest.Pytester,
) -> None:
    suite(pytester, ECHO, WITH_OTHERS, OPEN)
    result = pytester.runpytest_subprocess("--leak-full", "--leak-report", "kept")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["run-3: inconclusive, 1 sessions*"])
    assert len(list((pytester.path / "kept").glob("*/run-3/run.jsonl"))) == 1


def test_quick_is_short_and_no_stricter_than_the_marker(pytester: pytest.Pytester) -> None:
    lenient = (
        f"@pytest.mark.leak_harness(limit='8MiB', max_cycles=99){ASYNC.replace('visit', 'lenient')}"
    )
    suite(pytester, ECHO, f"{ASYNC}\n{lenient}", f"{OPEN}, limit='1KiB'")
    pytester.runpytest_subprocess("--leak-quick", "--leak-report", "kept").assert_outcomes(failed=2)
    policies = [
        load_record(one).started.policy for one in sorted((pytester.path / "kept").iterdir())
    ]
    assert {(one.limit_bytes, one.max_cycles) for one in policies} == {
        (8 * 2**20, 40),
        (16 * 2**10, 40),
    }


def test_the_embedded_server_is_the_target_where_none_is_named_also_in_a_loop_that_runs(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile("""
        import pytest

        @pytest.mark.leak_harness(agent_size="1MiB", cycles=2, sessions=1, fault=["thread"])
        async def test_is_open_after_two_visits(leak_harness):
            run = leak_harness.run("plain-chat")
            assert run.record.started.target["mode"] == "embedded"
            assert run.verdict.name == "inconclusive"
    """)
    pytester.runpytest_subprocess("-o", "asyncio_mode=auto").assert_outcomes(passed=1)


def test_a_file_of_settings_holds_here_too_and_the_marker_wins(pytester: pytest.Pytester) -> None:
    settings = (
        f"serve = {written(pytester.path, ECHO)!r}\nprotocol = 'plain'\ncycles = 1\nsessions = "
        f"2\nexplain = false"
    )
    (pytester.path / "leak-harness.toml").write_text(settings)
    pytester.makepyfile("""
        import pytest

        def test_the_files_server(leak_harness):
            record = leak_harness.run("plain-request").record
            assert (record.started.target["mode"], record.sessions) == ("serve", 2)

        @pytest.mark.leak_harness(agent_size="1MiB", protocol="open-llm-vtuber", sessions=1)
        def test_another(leak_harness):
            record = leak_harness.run("plain-chat").record
            assert (record.started.target["mode"], record.sessions) == ("embedded", 1)
    """)
    pytester.runpytest_subprocess("-p", "no:asyncio").assert_outcomes(passed=2)


def test_an_interrupted_suite_ends_at_once_and_leaves_no_server(pytester: pytest.Pytester) -> None:
    suite(pytester, ECHO, ASYNC, f"{BASE}, cycles=1000")
    command = [sys.executable, "-c", PYTEST_THAT_HEARS_SIGINT, "-s", "--leak-report", "kept"]
    with subprocess.Popen(command, cwd=pytester.path, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        until(lambda: list(pytester.path.glob("kept/*/server.log")))
        server = psutil.Process(running.pid).children(recursive=True)
        running.send_signal(signal.SIGINT)
        running.stdout.read()
    assert running.returncode == pytest.ExitCode.INTERRUPTED
    assert psutil.wait_procs(server, timeout=60)[1] == []


def test_it_can_be_switched_off_and_is_not_felt_unused(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_nothing(): pass")
    pytester.runpytest_inprocess("-p", "no:leak_harness", *QUIET).assert_outcomes(passed=1)
    imported = (
        "before = set(sys.modules); import harness.pytest_plugin; new = set(sys.modules) - before"
    )
    script = (
        f"import sys, pytest; {imported}; print(sorted(one for one in new if not "
        f"one.startswith('harness')))"
    )
    assert subprocess.check_output([sys.executable, "-c", script], text=True).strip() == "[]"


def test_its_markers_are_listed(pytester: pytest.Pytester) -> None:
    pytester.runpytest_inprocess("--markers", *QUIET).stdout.fnmatch_lines(
        ["@pytest.mark.leak_harness(serve=*"]
    )
