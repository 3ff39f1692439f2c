"""`leak-harness run`: sessions against a server, measured, judged, reported."""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.commands.report import RESULT, write_reports
from harness.errors import ExitStatus, RecordNotWritable, ReportsIncomplete, ServerError
from harness.experiment.options import control_of, declare, plan_of
from harness.units import format_size

if TYPE_CHECKING:
    from harness.experiment.experiment import Announce, Experiment, Plan
    from harness.experiment.live_page import LivePage
    from harness.record.record import RunRecord
    from harness.sessions.contract import Data
    from harness.verdict.outcome import Judgement, Verdict
    from harness.verdict.several_runs import Done

EXPORT_LIMIT_S = 10.0
END_KNOWN_S = 2.0
"""After a session that failed: so soon the end of the server is known, where that is why."""
SKIPPED = 125
"""`git bisect run` tries another commit."""
STATUSES = (
    "status: 0 flat, 1 leak or degraded, 2 bad usage, 3 inconclusive, 4 the server failed, 5 the "
    "harness itself "
    "failed, 130 interrupted"
)
HELP = "does this server leak? drive sessions, measure, decide, report"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare this verb's options."""
    declare(parser)
    parser.epilog = STATUSES


def defaults() -> dict[str, Any]:
    """What the configuration file sets; known leaks whose time is over are named, and count no
    longer.
    """
    from harness.experiment.config import find_config

    config = find_config(Path.cwd())
    if config is None:
        return {}
    expired = config.expired(datetime.now(UTC).date())
    for one in expired:
        until = f"'{one.name}' was allowed until {one.until} ({one.reason})"
        print(
            f"leak-harness: {config.path}: {until}: mend the leak, or renew the entry",
            file=sys.stderr,
        )
    counted = [one for one in config.allowed if one not in expired]
    return {
        **config.options,
        "allow": [one.name for one in counted],
        "reasons": {one.name: one.reason for one in counted},
    }


def run(options: argparse.Namespace) -> int:
    """Run, and return the verdict's status; for `git bisect run`, in the numbers that this
    understands.
    """
    from harness.across_runs.bisection import Answer, answer_of

    if not options.bisect_status:
        verdict = _run(options)
        return ExitStatus.FLAT if verdict is None else verdict.exit_status
    try:
        verdict = _run(options)
    except ServerError as error:
        print(f"leak-harness: {error}", file=sys.stderr)
        return SKIPPED
    if verdict is None or verdict.name == "interrupted":
        return ExitStatus.FLAT if verdict is None else verdict.exit_status
    answer = answer_of(verdict, options.only)
    print(f"bisect: {answer}", file=sys.stderr)
    return {Answer.GOOD: ExitStatus.FLAT, Answer.BAD: ExitStatus.LEAK, Answer.SKIP: SKIPPED}[answer]


def _run(options: argparse.Namespace) -> Verdict | None:
    """The verdict; None of one session that went well."""
    from harness.record.store import dated, write_whole
    from harness.reporters import REPORTERS, openmetrics

    trace = _tracer() if options.trace else None

    @cache
    def plan_of_run(number: int) -> Plan:
        return plan_of(options, trace=trace, number=number)

    plan = plan_of_run(0)
    if options.once:
        from harness.experiment.stopping import run_stoppable
        from harness.target.launched import trial_log

        with trial_log() as log:
            run_stoppable(lambda: _once(plan, log))
        return None
    path = options.out or dated(plan.load.scenario.name)
    with redirect_stdout(sys.stderr):  # what the script prints is no result
        done = all_runs(options, path, plan_of_run, _progress)
    text = write_reports(path, done.record, done.verdict, options.lang)
    result = json.loads((path / "result.json").read_text())
    if options.textfile:
        try:
            write_whole(options.textfile, openmetrics.render(result))
        except RecordNotWritable as error:  # which changes no verdict either
            print(f"leak-harness: --textfile: {error.what}", file=sys.stderr)
    if options.otlp:
        _export(options.otlp, result)
    print((path / "result.json").read_text() if options.json else text, end="")
    for incident in done.record.incidents:
        print(f"leak-harness: {incident.what}", file=sys.stderr)
    if missing := [name for name in REPORTERS if not (path / name).exists()]:
        raise ReportsIncomplete(
            f"the result is in {path / RESULT}; not written: {', '.join(missing)}"
        )
    return done.verdict


def _export(url: str, result: dict[str, Any]) -> None:
    """A collector that is away changes no verdict."""
    import httpx

    from harness.reporters import otlp

    try:
        answer = httpx.post(
            f"{url.rstrip('/')}/v1/metrics",
            content=otlp.render(result),
            headers={"Content-Type": "application/json"},
            timeout=EXPORT_LIMIT_S,
        )
        answer.raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        print(f"leak-harness: --otlp {url}: {error}", file=sys.stderr)


def all_runs(
    options: argparse.Namespace, path: Path, plan_of_run: Callable[[int], Plan], announce: Announce
) -> Done:
    """One run in the folder itself; several, each in a folder of its own in it; then the
    control.
    """
    from harness.verdict.several_runs import controlled, together

    runs: list[Done] = []
    for number in range(options.runs):
        random.seed(options.seed + number)
        name = f"run-{number + 1}" if options.runs > 1 else ""
        runs.append(_measured(plan_of_run(number), path, name, announce, live=options.live))
        if runs[-1].verdict.name == "interrupted":
            break
    done = together(runs)
    if not options.control or done.verdict.name == "interrupted":
        return done
    plan = control_of(plan_of_run(options.runs))
    print(f"control: {format_size(plan.planted_bytes)} a session are planted", file=sys.stderr)
    control = _measured(plan, path, "control", announce)
    return replace(done, verdict=controlled(done.verdict, control, plan.planted_bytes))


def _live(experiment: Experiment) -> LivePage:
    from harness.experiment.live_page import LivePage
    from harness.reporters import html
    from harness.verdict.judge import judge

    record = experiment.record
    page = LivePage(lambda: html.render(record, judge(record).verdict))
    print(f"live: {page.url}", file=sys.stderr, flush=True)
    return page


def _measured(plan: Plan, path: Path, name: str, announce: Announce, *, live: bool = False) -> Done:

    from harness.experiment.experiment import Experiment
    from harness.experiment.stopping import run_stoppable
    from harness.record.store import RunFolder
    from harness.verdict.judge import judge
    from harness.verdict.several_runs import Done

    folder = RunFolder(path / name)
    page = None
    try:
        experiment = Experiment(plan, folder, judge, announce)
        page = _live(experiment) if live else None
        record = run_stoppable(experiment.run)
    finally:
        folder.close()
        if page is not None:
            page.close()
    done = Done(record, judge(record).verdict, name)
    if name:
        write_reports(path / name, record, done.verdict)
        print(f"{name}: {done.verdict.summary}", file=sys.stderr)
    return done


def _progress(record: RunRecord, judgement: Judgement) -> None:
    """Every cycle in one line that is written over on a terminal, every fifth on a line of its
    own elsewhere.
    """
    from harness.reporters.progress import render

    terminal = sys.stderr.isatty()
    if terminal or len(record.cycles) % 5 == 0 or judgement.next != "continue":
        ending = "\x1b[K\r" if terminal and judgement.next == "continue" else "\n"
        width = shutil.get_terminal_size((100, 24)).columns
        line = render(record, judgement, width, terminal)
        print(line, end=ending, file=sys.stderr, flush=True)


async def _once(plan: Plan, log: Path) -> None:
    """One session.

    Raises:
        ServerError: it failed, or the server did.
    """
    from harness.errors import CheckFailed, ScriptFailed
    from harness.sessions.driver import run_cycle
    from harness.sessions.handshake import why_not_ready
    from harness.target.launched import Server

    server = None
    if plan.target.command:
        target = plan.target
        server = await Server.launch(
            target.command,
            environment=target.environment,
            folder=target.folder,
            log=log,
            ready_log=target.ready_log,
        )
    try:
        if server is not None:
            any_answer = not plan.load.scenario.connect
            await server.wait_ready(
                lambda: why_not_ready(plan.load.address, any_answer=any_answer),
                target.ready_limit_s,
            )
        (result,) = await run_cycle(plan.load, 1, lambda _: True)
        turns = ", ".join(f"{turn.complete_s * 1000:.0f}ms" for turn in result.turns)
        words = (
            f"{'ok' if result.ok else result.failure} in {result.duration_s:.2f}s; replies: "
            f"{turns or 'none'}"
        )
        if result.ok:
            print(words)
            return
        if result.failure.startswith(CheckFailed.__name__):
            raise ScriptFailed(
                result.failure.partition(": ")[2], hint="see every message with --trace"
            )
        if server is not None and await server.ended_within(END_KNOWN_S):
            print(words, file=sys.stderr)
            server.check_alive()
        raise ServerError(
            words, hint="see the server's log" + ("" if server is None else f", {log}")
        )
    finally:
        if server is not None:
            await server.stop()


def _tracer() -> Callable[[str, Data], None]:
    began_s = time.monotonic()

    def trace(direction: str, data: Data) -> None:
        text = data if isinstance(data, str) else data.hex()
        shown = text if len(text) <= 300 else f"{text[:300]}... ({len(text)} characters)"
        print(f"{time.monotonic() - began_s:8.3f} {direction} {shown}", file=sys.stderr)

    return trace
