"""The pytest plugin: a test whose body is a scenario, or whole runs from a fixture. Nothing has to
be configured.

Heavy imports wait until a test needs them.
"""

from __future__ import annotations

import inspect
import re
import shutil
import sys
from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    import asyncio

    from .experiment.runs import Run
    from .record.record import RunRecord
    from .sessions.scenario import Scenario
    from .sessions.session import Session
    from .verdict.outcome import Verdict

MARK: Final = "leak_harness"
QUICK: Final = {"limit": "16KiB", "max_cycles": 40, "grace": "5s"}
"""Large leaks in a few seconds; a marker that wants less than that gets it."""
FULL: Final = {"runs": 3}
_OF_SCENARIO: Final = (
    "connect",
    "standing",
    "path",
    "settle_s",
    "reply_limit_s",
    "session_limit_s",
)
"""What the marker says of the scenario itself."""
_MAX_NAME: Final = 80
"""Characters of the name of a run folder."""
_COLUMNS: Final = 100
"""Of the report that a failed test prints."""
_BODY: Final = pytest.StashKey[Callable[..., Any]]()
_RUNS: Final = pytest.StashKey[list["LeakRun"]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options and settings."""
    group = parser.getgroup("leak-harness")
    group.addoption(
        "--leak-quick",
        action="store_true",
        help="leaks of 16 KiB a session, in at most 160 sessions",
    )
    group.addoption("--leak-full", action="store_true", help="three fresh servers for each run")
    group.addoption(
        "--leak-report", metavar="DIR", help="keep reports there, a folder for each test"
    )
    parser.addini(
        "leak_inconclusive", "what an inconclusive run is: fail, xfail or skip", default="fail"
    )


def pytest_configure(config: pytest.Config) -> None:
    """The marker, for those who list them or are strict."""
    config.addinivalue_line(
        "markers",
        f"{MARK}(serve=..., cycles=..., limit=..., ...): options of `leak-harness run` for "
        f"leak_session, leak_harness",
    )
    if config.getini("leak_inconclusive") not in ("fail", "xfail", "skip"):
        raise pytest.UsageError("leak_inconclusive is fail, xfail or skip")
    if config.getoption("--leak-quick") and config.getoption("--leak-full"):
        raise pytest.UsageError("--leak-quick or --leak-full, not both")


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """That parallel tests disturb measurements, where there were any."""
    calls = [
        report
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", "") == "call"
    ]
    measured = sum("leak_verdict" in dict(call.user_properties) for call in calls)
    if measured and getattr(config.option, "numprocesses", None):
        words = (
            f"leak-harness: {measured} leak tests ran next to others, which disturb their latency "
            f"and CPU: try -n 0"
        )
        terminalreporter.write_line(words, yellow=True)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Remember the body before another plugin wraps it."""
    if isinstance(item, pytest.Function) and "leak_session" in item.fixturenames:
        item.stash[_BODY] = item.obj


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """A test with `leak_session` is a scenario: its body runs once a session."""
    body = pyfuncitem.stash.get(_BODY, None)
    if body is None:
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in inspect.signature(body).parameters}
    if "leak_session" not in arguments:
        pytest.fail(
            "leak_session is an argument of the test itself: its body is the scenario",
            pytrace=False,
        )
    harness = pyfuncitem.funcargs["leak_session"]
    assert isinstance(harness, _Harness), "the fixture makes one"
    harness.measure(_scenario(pyfuncitem, body, arguments)).judge(
        pyfuncitem.config.getini("leak_inconclusive")
    )
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure that does not tell what its runs came to gets that as a section."""
    report = yield
    for run in item.stash.get(_RUNS, ()) if call.when == "call" and report.failed else ():
        if run.splitlines()[-1] not in report.longreprtext:
            report.sections.append(("leak-harness", run))
    return report


@pytest.fixture
def leak_session(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> object:
    """The session that the body acts on; each run of the body gets one of its own."""
    return _Harness(request.node, tmp_path_factory)


@pytest.fixture
def leak_harness(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> _Harness:
    """Whole runs: `leak_harness.run("character-switch", serve=...)`; options are those of
    `leak-harness run`.
    """
    return _Harness(request.node, tmp_path_factory)


class LeakRun(str):
    """What a run came to: the report on the terminal, with the cause.

    A string, for of other things pytest shortens what `assert run.flat, run` says.
    """

    record: RunRecord
    verdict: Verdict
    folder: Path

    @classmethod
    def of(cls, done: Run) -> LeakRun:
        """The text of a run that has ended."""
        from .reporters.console import render

        text = render(done.record, done.verdict, _COLUMNS, False).rstrip()
        run = cls(f"{text}\nreport: {done.report}")
        run.record, run.verdict, run.folder = done.record, done.verdict, done.folder
        return run

    @property
    def flat(self) -> bool:
        """Whether growth was shown to be below the limit."""
        return self.verdict.name == "flat"

    def judge(self, inconclusive: str) -> None:
        """Pass, or fail, skip or expect the failure with the report's words."""
        if self.flat:
            return
        if self.verdict.name != "inconclusive" or inconclusive == "fail":
            pytest.fail(self, pytrace=False)
        if inconclusive == "skip":
            pytest.skip(self.verdict.summary)
        pytest.xfail(self.verdict.summary)


class _Harness:
    """Runs with the options of the test's marker."""

    def __init__(self, item: pytest.Item, factory: pytest.TempPathFactory) -> None:
        self._item = item
        self._factory = factory
        self._number = 0

    def run(self, scenario: str = "character-switch", **options: Any) -> LeakRun:
        """Run a scenario by its name or file; the test says what it makes of the result."""
        return self.measure(scenario, **options)

    def measure(self, scenario: str | Scenario, **options: Any) -> LeakRun:
        """Run a scenario by its name or file, or one that is there already."""
        from .errors import HarnessError
        from .experiment.stopping import in_thread

        keywords, folder = self._options(options), self._folder()
        try:
            # The test may be running in an event loop.
            done = in_thread(partial(_run, self._item.nodeid, scenario, keywords, folder))
        except HarnessError as error:
            pytest.fail(f"leak-harness: {error}", pytrace=False)
        for name, why in done.unwritten.items():
            _tell(f"leak-harness: {name} is missing: {why}")
        run = LeakRun.of(done)
        self._item.stash.setdefault(_RUNS, []).append(run)
        growth = getattr(done.verdict.gates.get("memory"), "growth_per_session", None)
        facts = {
            "leak_verdict": str(done.verdict.name),
            "leak_growth_per_session_bytes": growth,
            "leak_report": str(done.report),
        }
        self._item.user_properties += [
            (name, value) for name, value in facts.items() if value is not None
        ]
        return run

    def _options(self, options: dict[str, Any]) -> dict[str, Any]:
        from .units import parse_size

        asked = _marked(self._item) | options
        if self._item.config.getoption("--leak-quick"):
            largest = max(str(asked.get("limit", 0)), str(QUICK["limit"]), key=parse_size)
            asked = QUICK | asked | {"limit": largest, "max_cycles": QUICK["max_cycles"]}
        if self._item.config.getoption("--leak-full"):
            asked = FULL | asked
        return {name: value for name, value in asked.items() if name not in _OF_SCENARIO}

    def _folder(self) -> Path:
        self._number += 1
        nodeid = self._item.nodeid
        name = re.sub(r"[^\w.-]+", "-", nodeid).strip("-")
        if len(name) > _MAX_NAME:
            name = f"{name[-_MAX_NAME:]}-{sha256(nodeid.encode()).hexdigest()[:8]}"
        place = self._item.config.getoption("--leak-report")
        if place is None:
            return self._factory.mktemp("leak") / name
        folder = Path(place) / (name if self._number == 1 else f"{name}-{self._number}")
        shutil.rmtree(folder, ignore_errors=True)
        return folder


def _marked(item: pytest.Item) -> dict[str, Any]:
    """What the markers say; that of the function wins over that of its class, and this over the
    module's.
    """
    return {
        name: value
        for mark in reversed([*item.iter_markers(MARK)])
        for name, value in mark.kwargs.items()
    }


def _run(nodeid: str, scenario: str | Scenario, keywords: Mapping[str, Any], folder: Path) -> Run:
    """One run, or several judged together, with the settings of the file that counts here."""
    from .experiment.config import settings
    from .experiment.marker import values_of_keywords
    from .experiment.options import options_from
    from .experiment.runs import run

    given = values_of_keywords(keywords)
    values = settings(given, Path.cwd(), _tell)
    options = options_from({**values, "scenario": scenario}, ("pytest", nodeid))
    return run(replace(options, output=replace(options.output, out=folder)), tell=_tell)


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _scenario(
    item: pytest.Function, body: Callable[..., Any], arguments: dict[str, Any]
) -> Scenario:
    import asyncio

    from .sessions.scenario import scenario

    marked = {name: value for name, value in _marked(item).items() if name in _OF_SCENARIO}

    async def script(session: Session) -> None:
        if inspect.iscoroutinefunction(body):
            await body(**{**arguments, "leak_session": session})
        else:
            loop = asyncio.get_running_loop()
            await asyncio.to_thread(body, **{**arguments, "leak_session": _Blocking(session, loop)})

    script.__name__ = re.sub(r"\W+", "_", item.name)
    return scenario(**marked)(script)


class _Blocking:
    """A session for a body that is not a coroutine: each action blocks until it is done."""

    def __init__(self, session: Session, loop: asyncio.AbstractEventLoop) -> None:
        self._session = session
        self._loop = loop

    def __getattr__(self, name: str) -> Any:
        action = getattr(self._session, name)
        if not callable(action):
            return action

        def act(*arguments: Any, **named: Any) -> Any:
            import asyncio

            result = action(*arguments, **named)
            if inspect.isawaitable(result):
                return asyncio.run_coroutine_threadsafe(_awaited(result), self._loop).result()
            return result

        return act


async def _awaited(result: Any) -> Any:
    return await result
