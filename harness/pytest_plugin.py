"""The pytest plugin: a test whose body is a scenario, or whole runs from a fixture. Nothing has to be configured.

Heavy imports wait until a test needs them.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import re
import shutil
import threading
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import pytest

if TYPE_CHECKING:
    from harness.record import RunRecord
    from harness.scenarios import Scenario
    from harness.session import Session
    from harness.verdict import Verdict

MARK: Final = "leak_harness"
QUICK: Final = {"limit": "16KiB", "max_cycles": 20, "grace": "5s"}
"""Large leaks in a few seconds."""
FULL: Final = {"runs": 3}
_OF_SCENARIO: Final = ("connect", "standing", "path", "settle_s", "reply_limit_s", "session_limit_s")
"""What the marker says of the scenario itself."""
_BODY: Final = pytest.StashKey[Callable[..., Any]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options and settings."""
    group = parser.getgroup("leak-harness")
    group.addoption("--leak-quick", action="store_true", help="leaks of 16 KiB a session and more, in few sessions")
    group.addoption("--leak-full", action="store_true", help="three fresh servers for each run")
    group.addoption("--leak-report", metavar="DIR", help="keep reports there, a folder for each test")
    parser.addini("leak_inconclusive", "what an inconclusive run is: fail, xfail or skip", default="fail")


def pytest_configure(config: pytest.Config) -> None:
    """The marker, for those who list them or are strict."""
    config.addinivalue_line(
        "markers",
        f"{MARK}(serve=..., cycles=..., limit=..., ...): options of `leak-harness run` for leak_session, leak_harness",
    )
    if config.getini("leak_inconclusive") not in ("fail", "xfail", "skip"):
        raise pytest.UsageError("leak_inconclusive is fail, xfail or skip")


def pytest_report_header(config: pytest.Config) -> str | None:
    """That parallel tests disturb measurements."""
    workers = getattr(config.option, "numprocesses", None)
    return "leak-harness: tests that run beside a leak test disturb its latency and CPU" if workers else None


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
    done = _Harness(pyfuncitem).measure(_scenario(pyfuncitem, body, arguments))
    done.judge()
    return True


@pytest.fixture
def leak_session() -> object:
    """The session that the body acts on; each run of the body gets one of its own."""
    return object()


@pytest.fixture
def leak_harness(request: pytest.FixtureRequest) -> _Harness:
    """Whole runs: `leak_harness.run("character-switch", serve=...)`; options are those of `leak-harness run`."""
    return _Harness(request.node)


class LeakRun:
    """What a run came to. As text it is the report on the terminal, with the cause."""

    def __init__(self, record: RunRecord, verdict: Verdict, folder: Path, item: pytest.Item) -> None:
        self.record = record
        self.verdict = verdict
        self.folder = folder
        self._item = item

    @property
    def flat(self) -> bool:
        """Whether growth was shown to be below the limit."""
        return self.verdict.name == "flat"

    def __str__(self) -> str:
        from harness.reporters.console import render

        return f"{render(self.record, self.verdict, 100, False).rstrip()}\nreport: {self.folder / 'report.html'}"

    def __repr__(self) -> str:
        return str(self)

    def judge(self) -> None:
        """Pass, or fail, skip or expect the failure with the report's words."""
        if self.flat:
            return
        policy = self._item.config.getini("leak_inconclusive")
        if self.verdict.name != "inconclusive" or policy == "fail":
            pytest.fail(str(self), pytrace=False)
        if policy == "skip":
            pytest.skip(self.verdict.summary)
        pytest.xfail(self.verdict.summary)


class _Harness:
    """Runs with the options of the test's marker."""

    def __init__(self, item: pytest.Item) -> None:
        self._item = item
        self._number = 0

    def run(self, scenario: str = "character-switch", **options: Any) -> LeakRun:
        """Run a scenario by its name or file; the test says what it makes of the result."""
        return self.measure(scenario, **options)

    def measure(self, scenario: str | Scenario, **options: Any) -> LeakRun:
        """The same for a scenario that is there already."""
        from harness.commands.report import write_reports
        from harness.errors import HarnessError

        words = scenario if isinstance(scenario, str) else scenario.name
        folder = self._folder()
        try:
            record, verdict = _in_thread(lambda: _measured(self._options(words, options), scenario, folder))
        except HarnessError as error:
            pytest.fail(f"leak-harness: {error}", pytrace=False)
        write_reports(folder, record, verdict)
        done = LeakRun(record, verdict, folder, self._item)
        self._item.add_report_section("call", "leak-harness", str(done))
        memory: Any = verdict.gates.get("memory")
        self._item.user_properties += [
            ("leak_verdict", str(verdict.name)),
            ("leak_growth_per_session_bytes", getattr(memory, "growth_per_session", None)),
            ("leak_report", str(folder / "report.html")),
        ]
        return done

    def _options(self, scenario: str, options: dict[str, Any]) -> list[str]:
        config = self._item.config
        marked: dict[str, Any] = {}
        for mark in reversed(list(self._item.iter_markers(MARK))):
            marked |= mark.kwargs
        chosen = QUICK if config.getoption("--leak-quick") else FULL if config.getoption("--leak-full") else {}
        asked = {**marked, **options, **chosen}
        return [scenario, *_words({name: value for name, value in asked.items() if name not in _OF_SCENARIO})]

    def _folder(self) -> Path:
        self._number += 1
        name = re.sub(r"[^\w.-]+", "-", self._item.nodeid).strip("-")[-80:]
        place = self._item.config.getoption("--leak-report")
        if place is None:
            factory: pytest.TempPathFactory = self._item._request.getfixturevalue("tmp_path_factory")  # type: ignore[attr-defined]
            return factory.mktemp("leak") / name
        folder = Path(place) / (name if self._number == 1 else f"{name}-{self._number}")
        shutil.rmtree(folder, ignore_errors=True)
        return folder


def _words(options: dict[str, Any]) -> Generator[str]:
    """Keyword arguments as a command line."""
    for name, value in options.items():
        option = f"--{name.replace('_', '-')}"
        if isinstance(value, bool):
            yield option if value else f"--no-{name.replace('_', '-')}"
        elif isinstance(value, dict):
            yield from (f"{option}={key}={one}" for key, one in value.items())
        else:
            for one in value if isinstance(value, (list, tuple)) else [value]:
                yield f"{option}={one}"


def _measured(words: list[str], scenario: str | Scenario, folder: Path) -> tuple[RunRecord, Verdict]:
    """One run, or several judged together."""
    import argparse

    from harness.commands.run import defaults
    from harness.errors import UsageError
    from harness.judge import judge
    from harness.options import declare, plan_of
    from harness.repeated import Done, together
    from harness.run import Experiment
    from harness.store import RunFolder

    class Parser(argparse.ArgumentParser):
        def error(self, message: str) -> NoReturn:
            raise UsageError(message, hint="the arguments of the marker are the options of `leak-harness run`")

    parser = Parser()
    declare(parser)
    parser.set_defaults(**defaults())
    options = parser.parse_args(words)
    runs = []
    for number in range(options.runs):
        place = RunFolder(folder / f"run-{number + 1}" if options.runs > 1 else folder)
        try:
            plan = plan_of(options, number=number, scenario=None if isinstance(scenario, str) else scenario)
            record = asyncio.run(Experiment(plan, place, judge, lambda *_: None).run())
        finally:
            place.close()
        runs.append(Done(record, judge(record, plan.policy).verdict, place.path.name if options.runs > 1 else ""))
    done = together(runs)
    return done.record, done.verdict


def _scenario(item: pytest.Function, body: Callable[..., Any], arguments: dict[str, Any]) -> Scenario:
    from harness.scenarios import scenario

    marked: dict[str, Any] = {}
    for mark in item.iter_markers(MARK):
        marked |= {name: mark.kwargs[name] for name in _OF_SCENARIO if name in mark.kwargs}

    async def script(session: Session) -> None:
        if inspect.iscoroutinefunction(body):
            await body(**{**arguments, "leak_session": session})
        else:
            loop = asyncio.get_running_loop()
            await asyncio.to_thread(body, **{**arguments, "leak_session": _Blocking(session, loop)})

    script.__name__ = re.sub(r"\W+", "_", item.name)
    return scenario(**marked)(script)


class _Blocking:
    """A session for a body that is no coroutine: each action blocks until it is done."""

    def __init__(self, session: Session, loop: asyncio.AbstractEventLoop) -> None:
        self._session = session
        self._loop = loop

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._session, name)
        if not callable(found):
            return found

        def act(*arguments: Any, **named: Any) -> Any:
            result = found(*arguments, **named)
            if inspect.isawaitable(result):
                return asyncio.run_coroutine_threadsafe(_awaited(result), self._loop).result()
            return result

        return act


async def _awaited(result: Any) -> Any:
    return await result


def _in_thread(work: Callable[[], Any]) -> Any:
    """In a thread of its own: the test may be running in an event loop already."""
    results: list[Any] = []
    errors: list[BaseException] = []

    def attempt() -> None:
        try:
            results.append(work())
        except BaseException as error:  # noqa: BLE001 - raised again in the test's thread
            errors.append(error)

    thread = threading.Thread(target=attempt, name=f"leak-harness {os.getpid()}")
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]
