"""The pytest plugin in test suites of their own, on real small servers."""

from __future__ import annotations

import subprocess
import sys

import pytest
from server_scripts import ECHO, written

pytest_plugins = "pytester"

LEAKS = """
kept = []

async def handle(connection):
    async for message in connection:
        kept.append(bytearray(1024 * 1024))
        await connection.send(message)
"""
DIES = """
async def handle(connection):
    os._exit(3)
"""
STRICT = ["-W", "error", "-W", "ignore::pytest.PytestDeprecationWarning"]  # of pytest-asyncio, unconfigured
SHORT = "cycles=12, sessions=1, protocol='plain', grace='0', explain=False, limit='256KiB'"
LONG = "cycles=16, sessions=6, protocol='plain', grace='0', explain=False, limit='64KiB'"


def suite(pytester: pytest.Pytester, handler: str, body: str, marker: str = SHORT) -> None:
    command = written(pytester.path, handler)
    pytester.makepyfile(f"""
        import pytest
        SERVE = {command!r}
        MARK = pytest.mark.leak_harness(serve=SERVE, {marker})
        {body.replace(chr(10), chr(10) + "        ")}
    """)


ASYNC = """
@MARK
async def test_visit(leak_session):
    assert await leak_session.request("hi") == "hi"
"""
SYNC = """
@MARK
def test_visit(leak_session):
    assert leak_session.request("hi") == "hi"
    leak_session.drop()
"""


@pytest.mark.parametrize("options", [[], ["-o", "asyncio_mode=auto"], ["-p", "no:asyncio"]])
def test_a_leak_fails_a_test_with_the_report_as_its_words(pytester: pytest.Pytester, options: list[str]) -> None:
    suite(pytester, LEAKS, ASYNC)
    result = pytester.runpytest_subprocess("--strict-markers", *STRICT, *options)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*LEAK*memory grows by *iB per session*", "*report: *report.html*"])


@pytest.mark.parametrize("body", [ASYNC, SYNC])
def test_a_flat_server_passes_with_a_body_of_either_colour(pytester: pytest.Pytester, body: str) -> None:
    suite(pytester, ECHO, body, LONG)
    pytester.runpytest_subprocess("--strict-markers", *STRICT).assert_outcomes(passed=1)


def test_growth_below_the_limit_that_was_given_passes(pytester: pytest.Pytester) -> None:
    suite(pytester, LEAKS, ASYNC, LONG.replace("64KiB", "16MiB") + ", allow='containers'")
    pytester.runpytest_subprocess().assert_outcomes(passed=1)


def test_a_body_that_fails_in_every_session_is_no_leak_and_fails(pytester: pytest.Pytester) -> None:
    suite(pytester, ECHO, ASYNC.replace('== "hi"', '== "ho"'))
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*AssertionError*"])


def test_a_server_that_dies_fails_the_test_in_words(pytester: pytest.Pytester) -> None:
    suite(pytester, DIES, ASYNC)
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*ended with status 3*"])
    result.stdout.no_fnmatch_line("*Traceback*")


@pytest.mark.parametrize(("policy", "outcome"), [("fail", "failed"), ("xfail", "xfailed"), ("skip", "skipped")])
def test_what_an_inconclusive_run_is_can_be_said(pytester: pytest.Pytester, policy: str, outcome: str) -> None:
    suite(pytester, ECHO, ASYNC, "cycles=2, sessions=1, protocol='plain'")
    pytester.makeini(f"[pytest]\nleak_inconclusive = {policy}")
    pytester.runpytest_subprocess().assert_outcomes(**{outcome: 1})


def test_a_wrong_policy_or_option_is_told(pytester: pytest.Pytester) -> None:
    suite(pytester, ECHO, ASYNC, "cycels=2")
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*--cycels=2*"])
    pytester.makeini("[pytest]\nleak_inconclusive = maybe")
    pytester.runpytest_subprocess().stderr.fnmatch_lines(["*leak_inconclusive is fail, xfail or skip*"])


def test_a_whole_run_is_a_fixture_and_its_text_is_the_report(pytester: pytest.Pytester) -> None:
    (pytester.path / "echo.py").write_text(
        "from harness import scenario\n\n@scenario\nasync def echo(session):\n    await session.request('hi')\n"
    )
    suite(
        pytester,
        LEAKS,
        """
@MARK
@pytest.mark.parametrize("words", ["one"])
async def test_runs(leak_harness, words):
    run = leak_harness.run("echo.py")
    assert run.verdict.name == "leak"
    assert "memory grows by" in str(run)
    assert run.flat, run
""",
    )
    report = pytester.path / "kept"
    result = pytester.runpytest_subprocess(
        "-o", "asyncio_mode=auto", "--leak-report", str(report), "--junitxml", "junit.xml"
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*AssertionError: LEAK*"])
    assert [path.name for path in report.glob("*/report.html")] == ["report.html"]
    assert 'name="leak_verdict" value="leak"' in (pytester.path / "junit.xml").read_text()


def test_other_fixtures_and_parameters_reach_the_body(pytester: pytest.Pytester) -> None:
    suite(
        pytester,
        ECHO,
        """
@pytest.fixture
def greeting():
    return "hello"

@MARK
@pytest.mark.parametrize("times", [1, 2])
async def test_visit(times, greeting, leak_session):
    for _ in range(times):
        assert await leak_session.request(greeting) == "hello"
""",
        LONG,
    )
    pytester.runpytest_subprocess("-n", "2").assert_outcomes(passed=2)


def test_the_embedded_server_is_the_target_where_none_is_named(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import pytest

        @pytest.mark.leak_harness(agent_size="1MiB", cycles=2, sessions=1, fault=["thread"])
        def test_is_open_after_two_visits(leak_harness):
            run = leak_harness.run("plain-chat")
            assert run.record.started.target["mode"] == "embedded"
            assert run.verdict.name == "inconclusive"
    """)
    pytester.runpytest_subprocess().assert_outcomes(passed=1)


def test_it_can_be_switched_off_and_costs_nothing_unused(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_nothing(): pass")
    pytester.runpytest_subprocess("-p", "no:leak_harness").assert_outcomes(passed=1)
    heavy = "{'numpy', 'msgspec', 'websockets', 'psutil'}"
    imported = "before = set(sys.modules); import harness.pytest_plugin; new = set(sys.modules) - before"
    script = f"import sys, pytest, asyncio; {imported}; print(sorted({heavy} & new))"
    assert subprocess.check_output([sys.executable, "-c", script], text=True).strip() == "[]"


def test_its_markers_are_listed(pytester: pytest.Pytester) -> None:
    pytester.runpytest_subprocess("--markers").stdout.fnmatch_lines(["@pytest.mark.leak_harness(serve=*"])
