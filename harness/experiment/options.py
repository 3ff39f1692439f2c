"""What a user can ask of a run, and the plan that this makes: words in, values out."""

from __future__ import annotations

import argparse
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness.errors import UsageError
from harness.experiment.target_options import declare_target, pair, target_of, time_s
from harness.units import parse_size

CONTROL_GUARD: Final = 54
"""Sessions before which a control is not called a leak: the least without false alarms where no
cache fills.
"""
CONTROL_SESSIONS: Final = 200
DEFAULT_PROTOCOL: Final = "open-llm-vtuber"
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
FAIL_ON: Final = ("fragmentation", "files")
LOG_FORBIDDEN: Final = (
    "Task was destroyed but it is pending",
    "exception was never retrieved",
    "was never awaited",
    "Unclosed (client session|connection)",
)
LOG_NOTED: Final = (r"^Traceback \(most recent call last\)",)
EMBEDDED_LOG: Final = (
    ": clean-up starts",
    ": cleaning the context",
    ": tool client closed",
    ": clean-up done",
)

if TYPE_CHECKING:
    from harness.experiment.experiment import Plan
    from harness.record.policy import Policy
    from harness.sessions.connection import Trace
    from harness.sessions.scenario import Scenario


def declare(parser: argparse.ArgumentParser) -> None:
    """All options of a run."""
    parser.add_argument(
        "scenario",
        nargs="?",
        default="character-switch",
        help="file, file.py::name, or a shipped name",
    )
    declare_target(parser)
    parser.add_argument(
        "--protocol", metavar="NAME", help=f"chat protocol (the scenario's, or {DEFAULT_PROTOCOL})"
    )
    parser.add_argument(
        "--header", metavar="K=V", action="append", default=[], type=pair, help="for the handshake"
    )
    parser.add_argument(
        "--cookie", metavar="K=V", action="append", default=[], type=pair, help="for the handshake"
    )
    parser.add_argument(
        "--auth",
        metavar="KIND:NAME",
        help="bearer:NAME or basic:NAME, NAME a variable that holds it",
    )
    parser.add_argument(
        "--origin", metavar="URL", help="where the page came from, for servers that ask"
    )
    parser.add_argument("--unix", metavar="SOCKET", type=Path, help="connect to this Unix socket")
    parser.add_argument("--ca", metavar="FILE", type=Path, help="certificates to trust (PEM)")
    parser.add_argument("--insecure", action="store_true", help="trust any certificate")
    parser.add_argument(
        "--subprotocol", metavar="NAME", action="append", default=[], help="for the handshake"
    )
    parser.add_argument(
        "--compression",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="offer deflate (yes)",
    )
    parser.add_argument("--cycles", metavar="N", type=_count, help="exactly so many cycles")
    parser.add_argument(
        "--min-cycles",
        metavar="N",
        type=_count,
        default=10,
        help="before it may stop (%(default)s)",
    )
    parser.add_argument(
        "--max-cycles", metavar="N", type=_count, help="undecided by then: inconclusive"
    )
    parser.add_argument(
        "--sessions", metavar="N", type=_count, help="sessions a cycle (1 in the first ten, then 5)"
    )
    parser.add_argument(
        "--concurrency", metavar="N", type=_count, default=1, help="sessions at once (%(default)s)"
    )
    parser.add_argument(
        "--settle",
        metavar="TIME",
        type=time_s,
        help="wait so long after each cycle (the scenario's)",
    )
    parser.add_argument("--once", action="store_true", help="one session and no verdict")
    parser.add_argument("--trace", action="store_true", help="print every message with its time")
    parser.add_argument(
        "--limit",
        metavar="SIZE",
        type=_size,
        help="growth a session that is flat (1KiB; 4KiB blind)",
    )
    parser.add_argument(
        "--object-limit", metavar="N", type=_number, help="tracked objects a session that are flat"
    )
    parser.add_argument(
        "--grace", metavar="TIME", type=time_s, default=90.0, help="longest wait for late releases"
    )
    parser.add_argument(
        "--allow",
        metavar="GATE|FINGERPRINT",
        action="append",
        default=[],
        help="never fail on that",
    )
    parser.add_argument(
        "--only", metavar="GATE", action="append", default=[], help="fail on these gates alone"
    )
    parser.set_defaults(reasons={})
    parser.add_argument(
        "--fail-on",
        metavar="KIND",
        action="append",
        default=[],
        help="also fail on fragmentation, files",
    )
    parser.add_argument(
        "--log",
        metavar="FILE",
        type=Path,
        help="the server's log, where this run does not start it",
    )
    parser.add_argument(
        "--log-expect",
        metavar="REGEX",
        action="append",
        help="each session leaves it, in this order",
    )
    parser.add_argument(
        "--log-forbid", metavar="REGEX", action="append", help="never there (asyncio's complaints)"
    )
    parser.add_argument(
        "--watch-files",
        metavar="DIR",
        action="append",
        default=[],
        type=Path,
        help="count its files",
    )
    parser.add_argument(
        "--memory-budget", metavar="SIZE", type=_size, help="stop at so much growth, and call it"
    )
    parser.add_argument(
        "--probe",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="look inside the server",
    )
    parser.add_argument(
        "--collect",
        choices=("always", "never"),
        default="always",
        help="may the probe force collections? (%(default)s)",
    )
    parser.add_argument(
        "--control",
        action="store_true",
        help="prove that a planted leak of twice the limit is found",
    )
    parser.add_argument(
        "--runs",
        metavar="N",
        type=_count,
        default=1,
        help="that many fresh servers, judged together",
    )
    parser.add_argument(
        "--seed",
        metavar="N",
        type=int,
        default=0,
        help="for PYTHONHASHSEED and the script's random",
    )
    parser.add_argument(
        "--explain", action=argparse.BooleanOptionalAction, default=True, help="look for the cause"
    )
    parser.add_argument(
        "--out", metavar="DIR", type=Path, help="default: reports/<UTC time>-<scenario>/"
    )
    parser.add_argument(
        "--textfile", metavar="FILE", type=Path, help="metrics for Prometheus's textfile collector"
    )
    parser.add_argument(
        "--otlp",
        metavar="URL",
        help="send metrics to this OpenTelemetry collector (OTLP over HTTP)",
    )
    parser.add_argument(
        "--bisect-status", action="store_true", help="for `git bisect run`: 0, 1, 125 or 255"
    )
    parser.add_argument(
        "--live", action="store_true", help="serve the report on loopback while the run goes on"
    )
    parser.add_argument(
        "--lang", choices=("en", "zh"), default="en", help="language of report.html (%(default)s)"
    )
    parser.add_argument(
        "--json", action="store_true", help="the result on standard output, and nothing else there"
    )


def plan_of(
    options: argparse.Namespace,
    *,
    trace: Trace | None = None,
    number: int = 0,
    scenario: Scenario | None = None,
) -> Plan:
    """The plan of run `number`, with a free port of its own.

    Raises:
        UsageError: what was asked for cannot be done.
    """
    from harness.experiment.experiment import Plan, describe_machine
    from harness.sessions.credentials import headers_of
    from harness.sessions.driver import Load
    from harness.sessions.handshake import Address
    from harness.sessions.protocols import protocol_named
    from harness.sessions.scenario import load_scenario

    for folder in options.watch_files:
        if not folder.is_dir():
            raise UsageError(f"--watch-files {folder} is no folder")
    if options.textfile and not options.textfile.parent.is_dir():
        raise UsageError(
            f"--textfile {options.textfile}: there is no folder {options.textfile.parent}"
        )
    if options.otlp and not options.otlp.startswith(("http://", "https://")):
        raise UsageError(
            f"--otlp '{options.otlp}' is no address", hint="give one with http:// or https://"
        )
    if options.control and not options.probe:
        raise UsageError(
            "--control plants its leak through the probe, which --no-probe switches off"
        )
    scenario = scenario or load_scenario(options.scenario)
    own = scenario.protocol if options.protocol is None else None
    protocol = (
        own
        if isinstance(own, type)
        else protocol_named(own or options.protocol or DEFAULT_PROTOCOL)
    )
    scenario.require(protocol)
    named = argparse.Namespace(**vars(options) | {"protocol": protocol.name})
    target, url = target_of(named, scenario.path or protocol.default_path, options.seed + number)
    subprotocols = (
        tuple(options.subprotocol) or scenario.subprotocols or getattr(protocol, "subprotocols", ())
    )
    if wrong := [name for name in subprotocols if not _TOKEN.fullmatch(name)]:
        raise UsageError(
            f"'{wrong[0]}' is no subprotocol",
            hint="it is one word without spaces; repeat --subprotocol",
        )
    address = Address(
        url,
        headers_of(options),
        subprotocols,
        options.compression,
        origin=options.origin,
        unix=options.unix,
        ca=options.ca,
        insecure=options.insecure,
    )
    _ = address.tls  # a file of certificates that cannot be read is told now
    settle_s = scenario.settle_s if options.settle is None else options.settle
    load = Load(scenario, protocol, address, options.concurrency, trace)
    return Plan(
        load,
        target,
        _policy(options, target.words["mode"]),
        options.sessions,
        describe_machine() | revision(options),
        settle_s,
        tuple(options.watch_files),
    )


def revision(options: argparse.Namespace) -> dict[str, str]:
    """The commit of the folder that the server is started in, where that is of a repository."""
    words = ["git", "-C", str(options.cwd or "."), "rev-parse", "HEAD"]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return {}
    return {"commit": done.stdout.strip()} if done.returncode == 0 else {}


def control_of(plan: Plan) -> Plan:
    """The same with twice the limit planted for each session: short, for nothing in it has to be
    told from a cache.
    """
    from harness.verdict.gates.memory import LIMIT_PROBE_BYTES

    planted = 2 * (plan.policy.limit_bytes or LIMIT_PROBE_BYTES)
    policy = replace(
        plan.policy,
        fixed_cycles=None,
        max_sessions=CONTROL_SESSIONS,
        guard_sessions=CONTROL_GUARD,
        grace_s=0.0,
        explain=False,
        allow=(),
    )
    return replace(plan, policy=policy, planted_bytes=planted)


def _policy(options: argparse.Namespace, mode: str) -> Policy:
    from harness.experiment.experiment import available_memory_bytes
    from harness.record.policy import Policy
    from harness.verdict.gates import entries

    gates = entries()
    free = available_memory_bytes()
    for one in options.allow:
        if one not in gates and not re.fullmatch("[0-9a-f]{16}", one):
            raise UsageError(
                f"'{one}' cannot be allowed: it is neither a gate nor the fingerprint of a finding",
                hint=f"gates: {', '.join(gates)}; fingerprints, of 16 hexadecimal digits, stand "
                f"in result.json",
            )
    for one in options.only:
        if one not in gates:
            raise UsageError(
                f"--only {one}: there is no such gate", hint=f"gates: {', '.join(gates)}"
            )
    left_out = [gate for gate in gates if options.only and gate not in options.only]
    for kind in options.fail_on:
        if kind not in FAIL_ON:
            raise UsageError(
                f"--fail-on {kind} is not known", hint=f"it can be {' or '.join(FAIL_ON)}"
            )
    budget = 3 * free // 4 if options.cycles else min(512 * 2**20, free // 4)
    changed = {} if options.object_limit is None else {"object_limit": options.object_limit}
    return Policy(
        limit_bytes=options.limit,
        fixed_cycles=options.cycles,
        min_cycles=options.min_cycles,
        max_cycles=options.max_cycles,
        grace_s=options.grace,
        memory_budget_bytes=options.memory_budget or budget,
        explain=options.explain and options.probe,
        collect=options.collect == "always",
        allow=(*options.allow, *left_out),
        reasons=dict.fromkeys(left_out, "not among --only") | options.reasons,
        fail_on=(*options.fail_on, *(["files"] if "files" in options.only else [])),
        log_expected=_log_expected(options, mode),
        log_forbidden=LOG_FORBIDDEN if options.log_forbid is None else tuple(options.log_forbid),
        log_noted=LOG_NOTED,
        **changed,
    )


def _log_expected(options: argparse.Namespace, mode: str) -> tuple[str, ...]:
    given = tuple(options.log_expect or ())
    for text in (*given, *(options.log_forbid or ())):
        try:
            re.compile(text)
        except re.error as error:
            raise UsageError(f"'{text}' is no regular expression: {error}") from error
    return given or (EMBEDDED_LOG if mode == "embedded" else ())


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number of at least 1")
    return int(text)


def _number(text: str) -> float:
    if not re.fullmatch(r"\d+(\.\d+)?", text):
        raise argparse.ArgumentTypeError(f"'{text}' is no number of at least 0")
    return float(text)


def _size(text: str) -> int:
    try:
        return parse_size(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
