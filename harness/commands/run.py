"""`leak-harness run`: sessions against a server, measured, judged, reported."""

from __future__ import annotations

import argparse
import asyncio
import os
import shlex
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.commands.report import write_reports
from harness.commands.serve import embedded_command
from harness.errors import ExitStatus, ServerError, UsageError
from harness.quantities import parse_size, parse_time_s

if TYPE_CHECKING:
    from harness.contracts import Data
    from harness.driver import Load
    from harness.policy import Policy
    from harness.record import RunRecord
    from harness.run import Plan, Target
    from harness.verdict import Judgement

HELP = "does this server leak? drive sessions, measure, decide, report"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare this verb's options."""
    parser.add_argument(
        "scenario", nargs="?", default="character-switch", help="file, file.py::name, or a shipped name"
    )
    target = parser.add_argument_group("target: the embedded chat server, unless --serve or --url is given")
    target.add_argument("--fault", metavar="NAME", action="append", default=[], help="switch a fault on (embedded)")
    target.add_argument("--agent-size", metavar="SIZE", help="memory of one character's agent (embedded)")
    target.add_argument("--serve", metavar="COMMAND", help="start this server; {port} becomes a free port")
    target.add_argument("--cwd", metavar="DIR", type=Path, help="folder to start it in")
    target.add_argument("--env", metavar="K=V", action="append", default=[], type=_pair, help="for its environment")
    target.add_argument("--url", metavar="URL", help="the WebSocket address; may hold {port}")
    parser.add_argument("--protocol", metavar="NAME", default="open-llm-vtuber", help="chat protocol (%(default)s)")
    parser.add_argument("--header", metavar="K=V", action="append", default=[], type=_pair, help="for the handshake")
    parser.add_argument("--subprotocol", metavar="NAME", action="append", default=[], help="for the handshake")
    parser.add_argument("--compression", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--cycles", metavar="N", type=_count, help="exactly so many cycles")
    parser.add_argument("--min-cycles", metavar="N", type=_count, default=12, help="(default: %(default)s)")
    parser.add_argument("--max-cycles", metavar="N", type=_count)
    parser.add_argument("--sessions", metavar="N", type=_count, help="sessions a cycle (1 in the first ten, then 5)")
    parser.add_argument("--concurrency", metavar="N", type=_count, default=1, help="sessions at once (%(default)s)")
    parser.add_argument("--once", action="store_true", help="one session and no verdict")
    parser.add_argument("--trace", action="store_true", help="print every message with its time")
    parser.add_argument("--limit", metavar="SIZE", type=_size, help="growth a session that is flat (1KiB; 4KiB blind)")
    parser.add_argument("--object-limit", metavar="N", type=float, help="tracked objects a session that are flat")
    parser.add_argument("--grace", metavar="TIME", type=_time_s, default=90.0, help="longest wait for late releases")
    parser.add_argument("--allow", metavar="GATE", action="append", default=[], help="never fail on that gate")
    parser.add_argument("--fail-on", metavar="KIND", action="append", default=[], help="also fail on fragmentation")
    parser.add_argument("--memory-budget", metavar="SIZE", type=_size, help="stop at so much growth, and call it")
    parser.add_argument("--probe", action=argparse.BooleanOptionalAction, default=True, help="look inside the server")
    parser.add_argument("--out", metavar="DIR", type=Path, help="default: reports/<UTC time>-<scenario>/")
    parser.add_argument("--json", action="store_true", help="the result on standard output, and nothing else there")


def run(options: argparse.Namespace) -> int:
    """Run, and return the verdict's status."""
    plan = _plan(options)
    if options.once:
        with tempfile.TemporaryDirectory() as folder:
            return asyncio.run(_once(plan, Path(folder) / "server.log"))
    return _measure(plan, options)


def _measure(plan: Plan, options: argparse.Namespace) -> int:
    from harness.judge import judge
    from harness.run import Experiment
    from harness.store import RunFolder

    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    path = options.out or Path("reports") / f"{stamp}-{plan.load.scenario.name}"
    folder = RunFolder(path)
    try:
        experiment = Experiment(plan, folder, judge, _progress)
        record = asyncio.run(_until_interrupted(experiment.run))
    finally:
        folder.close()
    verdict = judge(record, plan.policy).verdict
    text = write_reports(path, record, verdict)
    print((path / "result.json").read_text() if options.json else text, end="")
    for incident in record.incidents:
        print(f"leak-harness: {incident.what}", file=sys.stderr)
    return verdict.exit_status


async def _until_interrupted(run: Callable[[], Any]) -> RunRecord:
    task = asyncio.ensure_future(run())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    record: RunRecord = await task
    return record


def _progress(record: RunRecord, judgement: Judgement) -> None:
    """Every cycle in one line that is written over on a terminal, every fifth on a line of its own elsewhere."""
    from harness.reporters.progress import progress

    terminal = sys.stderr.isatty()
    if terminal or len(record.cycles) % 5 == 0 or judgement.next != "continue":
        ending = "\x1b[K\r" if terminal and judgement.next == "continue" else "\n"
        print(progress(record, judgement), end=ending, file=sys.stderr, flush=True)


async def _once(plan: Plan, log: Path) -> int:
    from harness.driver import run_session
    from harness.server import Server
    from harness.session import accepts_handshake

    server = None
    if plan.target.command:
        target = plan.target
        server = await Server.launch(target.command, environment=target.environment, folder=target.folder, log=log)
    try:
        if server is not None:
            await server.wait_ready(lambda: accepts_handshake(plan.load.address))
        result = await run_session(plan.load)
    finally:
        if server is not None:
            await server.stop()
    turns = ", ".join(f"{turn.complete_s * 1000:.0f}ms" for turn in result.turns)
    print(f"{'ok' if result.ok else result.failure} in {result.duration_s:.2f}s; replies: {turns or 'none'}")
    return ExitStatus.FLAT if result.ok else ServerError.exit_status


def _plan(options: argparse.Namespace) -> Plan:
    from harness.protocols import protocol_named
    from harness.run import Plan, describe_machine
    from harness.scenarios import load_scenario

    protocol = protocol_named(options.protocol)
    scenario = load_scenario(options.scenario)
    scenario.require(protocol)
    target, url = _target(options, protocol.default_path)
    load = _load(options, url)
    return Plan(load, target, _policy(options), options.sessions, describe_machine())


def _load(options: argparse.Namespace, url: str) -> Load:
    from harness.driver import Load
    from harness.protocols import protocol_named
    from harness.scenarios import load_scenario
    from harness.session import Address

    address = Address(url, dict(options.header), tuple(options.subprotocol), options.compression)
    trace = _tracer() if options.trace else None
    return Load(load_scenario(options.scenario), protocol_named(options.protocol), address, options.concurrency, trace)


def _target(options: argparse.Namespace, default_path: str) -> tuple[Target, str]:
    from harness.run import Target
    from harness.server import free_port

    port = str(free_port())
    if options.serve is not None:
        if options.fault or options.agent_size:
            raise UsageError(
                "--serve names one target, --fault and --agent-size another: the embedded server",
                hint="leave one of them out",
            )
        command = [part.replace("{port}", port) for part in shlex.split(options.serve)]
        if not command:
            raise UsageError("--serve is empty", hint='give a command, such as --serve "uvicorn app:app --port {port}"')
        url = (options.url or f"ws://127.0.0.1:{port}{default_path}").replace("{port}", port)
        mode = "serve"
    elif options.url is not None:
        if not options.once:
            raise UsageError(
                "--url alone gives no memory to measure", hint="start the server with --serve, or try --once"
            )
        command, url, mode = [], options.url, "url"
    else:
        command = embedded_command(port, options.agent_size or "32MiB", options.fault)
        url, mode = f"ws://127.0.0.1:{port}{default_path}", "embedded"
    words = {
        "mode": mode,
        "command": shlex.join(command),
        "url": url,
        "protocol": options.protocol,
        "command_line": shlex.join(["leak-harness", *sys.argv[1:]]),
    }
    environment = {**os.environ, "PORT": port, "PYTHONHASHSEED": "0", **dict(options.env)}
    if not options.probe:
        environment.setdefault("MALLOC_ARENA_MAX", "1")
    if options.cwd is not None and not options.cwd.is_dir():
        raise UsageError(f"--cwd {options.cwd} is no folder")
    return Target(command, words, environment, options.cwd, options.probe), url


def _policy(options: argparse.Namespace) -> Policy:
    from harness.policy import Policy
    from harness.run import available_memory_bytes

    free = available_memory_bytes()
    budget = 3 * free // 4 if options.cycles else min(512 * 2**20, free // 4)
    changed = {} if options.object_limit is None else {"object_limit": options.object_limit}
    return Policy(
        limit_bytes=options.limit,
        fixed_cycles=options.cycles,
        min_cycles=options.min_cycles,
        max_cycles=options.max_cycles,
        grace_s=options.grace,
        memory_budget_bytes=options.memory_budget or budget,
        allow=tuple(options.allow),
        fail_on=tuple(options.fail_on),
        **changed,
    )


def _tracer() -> Callable[[str, Data], None]:
    began_s = time.monotonic()

    def trace(direction: str, data: Data) -> None:
        text = data if isinstance(data, str) else data.hex()
        shown = text if len(text) <= 300 else f"{text[:300]}... ({len(text)} characters)"
        print(f"{time.monotonic() - began_s:8.3f} {direction} {shown}", file=sys.stderr)

    return trace


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise argparse.ArgumentTypeError(f"'{text}' is not of the form K=V")
    return key, value


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number of at least 1")
    return int(text)


def _size(text: str) -> int:
    try:
        return parse_size(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _time_s(text: str) -> float:
    try:
        return parse_time_s(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
