"""The plan of a run: what was asked for, checked and made definite. Options in, values out."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from ..blame.varied_load import Variation
from ..errors import UsageError
from ..record.policy import Policy
from ..redaction import SECRETS, url_without_secrets, without_secrets
from ..sessions.connection import Trace
from ..sessions.contract import ChatProtocol
from ..sessions.credentials import headers_of
from ..sessions.driver import Load
from ..sessions.handshake import Address
from ..sessions.protocols import protocol_named
from ..sessions.scenario import Scenario, load_scenario
from ..target.launched import free_port
from ..target.target import Target
from ..verdict.gates import entries
from ..verdict.gates.memory import LIMIT_PROBE_BYTES
from .machine import (
    available_memory_bytes,
    check_descriptors,
    describe_machine,
    revision,
)
from .options import DEFAULT_PROTOCOL, PolicyOptions, RunOptions
from .secret_values import secrets_of

CONTROL_GUARD_SESSIONS: Final = 54
"""Sessions before which a control is not called a leak: the least without false alarms where no
cache fills.
"""
CONTROL_SESSIONS: Final = 200
"""A control that has not been called a leak by then has failed."""
MAX_BUDGET_BYTES: Final = 512 * 2**20
"""Growth that ends a run without fixed cycles, where a quarter of the free memory is more."""
SINGLE_SESSION_CYCLES: Final = 10
"""The first cycles have one session each, so that a warm-up shows; the others have more."""
SESSIONS_PER_CYCLE: Final = 5
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
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FINGERPRINT: Final = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class PlannedServer:
    """A target with everything that it is opened with."""

    target: Target
    words: Mapping[str, str]
    """What the record says of the server."""
    environment: Mapping[str, str]
    """Of a server that is started; the variables of the probe come to it."""
    port: str = "0"
    """A free port for a server that is started."""
    probe: bool = True
    """Whether the probe is wanted."""

    @property
    def no_probe(self) -> str:
        """Why there is no probe in the server; empty where there can be one."""
        return self.target.no_probe if self.probe else "switched off by --no-probe"

    @property
    def ready_limit_s(self) -> float:
        """Seconds until the server has to answer."""
        return self.target.ready_limit_s or self.target.READY_LIMIT_S


@dataclass(frozen=True, slots=True)
class Plan:
    """One run, decided before it begins."""

    load: Load
    server: PlannedServer
    policy: Policy
    sessions_per_cycle: int | None = None
    """None: one in each of the first ten cycles, then five."""
    environment: dict[str, str] = field(default_factory=dict)
    """What the record says of the machine."""
    settle_s: float = 0.0
    """Shortest wait between the last session of a cycle and its sample. The server is waited for
    in any case until it rests.
    """
    watched: Sequence[Path] = ()
    """Folders whose files are counted."""
    planted_bytes: int = 0
    """How much the probe leaks in the server for each session: a control, which the judge must
    find.
    """
    is_budget_given: bool = False
    """Whether the memory budget is the user's own, and not what the machine allows."""
    schedule: Sequence[Variation] = ()
    """What is different in each cycle, where a run is to tell which action leaks."""

    def load_in(self, cycle: int) -> Load:
        """The load of the cycle of that number (from 1)."""
        if not self.schedule:
            return self.load
        return replace(self.load, variation=self.schedule[cycle - 1])

    def sessions_in(self, cycle: int) -> int:
        """The number of sessions in the cycle of that number (from 1)."""
        if self.schedule:
            return self.schedule[cycle - 1].sessions
        if self.sessions_per_cycle is not None:
            return self.sessions_per_cycle
        return 1 if cycle <= SINGLE_SESSION_CYCLES else SESSIONS_PER_CYCLE


def plan_of(options: RunOptions, *, trace: Trace | None = None, number: int = 0) -> Plan:
    """The plan of run `number`, with a free port of its own.

    Raises:
        UsageError: what was asked for cannot be done.
        ServerError: the server that is meant is not there.
    """
    SECRETS.add(secrets_of(options))
    _check(options)
    scenario = options.scenario
    if isinstance(scenario, str):
        scenario = load_scenario(scenario)
    check_descriptors(options.load.concurrency + scenario.standing)
    protocol = _protocol(scenario, options.connection.protocol)
    scenario.require(protocol)
    port = str(free_port())
    url = _url(options, scenario.path or protocol.default_path, port)
    address = _address(options, scenario, protocol, url)
    server = _planned_server(options, protocol.name, url, port, number)
    load, settle_s = options.load, options.load.settle_s
    return Plan(
        Load(scenario, protocol, address, load.concurrency, trace),
        server,
        _policy(options),
        load.sessions,
        describe_machine() | revision(options.target.folder),
        scenario.settle_s if settle_s is None else settle_s,
        tuple(options.measurement.watch_files),
        is_budget_given=options.measurement.memory_budget_bytes is not None,
    )


def control_of(plan: Plan) -> Plan:
    """A plan with twice the limit planted for each session. It is short, for nothing in it has to
    be told from a cache.
    """
    planted = 2 * (plan.policy.limit_bytes or LIMIT_PROBE_BYTES)
    policy = replace(
        plan.policy,
        fixed_cycles=None,
        max_sessions=CONTROL_SESSIONS,
        guard_sessions=CONTROL_GUARD_SESSIONS,
        grace_s=0.0,
        explain=False,
        allow=(),
    )
    return replace(plan, policy=policy, planted_bytes=planted)


def _check(options: RunOptions) -> None:
    """Raise `UsageError` for what cannot be done, whatever scenario and server are."""
    output, measurement = options.output, options.measurement
    for folder in measurement.watch_files:
        if not folder.is_dir():
            raise UsageError(f"--watch-files {folder} is not a folder", hint="is the path right?")
    if output.textfile and not output.textfile.parent.is_dir():
        raise UsageError(
            f"--textfile {output.textfile}: there is no folder {output.textfile.parent}",
            hint="make the folder first",
        )
    if output.otlp and not output.otlp.startswith(("http://", "https://")):
        raise UsageError(
            f"--otlp '{output.otlp}' is not an address", hint="give one with http:// or https://"
        )
    if measurement.control and not measurement.probe:
        raise UsageError(
            "--control plants its leak through the probe, which --no-probe switches off",
            hint="leave one of them out",
        )


def _protocol(scenario: Scenario, asked: str | None) -> type[ChatProtocol]:
    own = scenario.protocol if asked is None else None
    if isinstance(own, type):
        return own
    return protocol_named(own or asked or DEFAULT_PROTOCOL)


def _url(options: RunOptions, default_path: str, port: str) -> str:
    """The WebSocket address of the server, with a path."""
    target = options.target
    url = target.address(port)
    if not url and options.connection.unix:
        url = "ws://localhost"
    elif not url and target.LAUNCHES:
        url = f"ws://127.0.0.1:{port}"
    if not url:
        raise UsageError(
            f"{target.HELP_NAME} does not say where to connect",
            hint="give --url ws://HOST:PORT/PATH",
        )
    if target.NEEDS and not options.load.once:
        raise UsageError(f"{target.HELP_NAME} alone gives no memory to measure", hint=target.NEEDS)
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in ("ws", "wss") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is not a number, or half a bracket
        is_address = False
    if not is_address:
        raise UsageError(
            f"--url '{url_without_secrets(url)}' is not a WebSocket address",
            hint="give one such as ws://127.0.0.1:8000/ws",
        )
    return url if parts.path else urlunsplit(parts._replace(path=default_path))


def _address(
    options: RunOptions, scenario: Scenario, protocol: type[ChatProtocol], url: str
) -> Address:
    connection = options.connection
    subprotocols = (
        connection.subprotocol or scenario.subprotocols or getattr(protocol, "subprotocols", ())
    )
    if wrong := [name for name in subprotocols if not _TOKEN.fullmatch(name)]:
        raise UsageError(
            f"'{wrong[0]}' is not a subprotocol",
            hint="it is one word without spaces; repeat --subprotocol",
        )
    address = Address(
        url,
        headers_of(connection.header, connection.cookie, connection.auth),
        tuple(subprotocols),
        connection.compression,
        origin=connection.origin,
        unix=connection.unix,
        ca=connection.ca,
        insecure=connection.insecure,
        max_message_bytes=connection.max_message_bytes,
    )
    _ = address.tls  # certificates that cannot be read are an error now, not in each session
    return address


def _planned_server(
    options: RunOptions, protocol: str, url: str, port: str, number: int
) -> PlannedServer:
    target, probe = options.target, options.measurement.probe
    target.check()
    environment = {
        **os.environ,
        "PORT": port,
        "PYTHONHASHSEED": str(options.load.seed + number),
        **target.variables,
    }
    if not probe:  # without the probe, arenas of threads would look like growth
        environment.setdefault("MALLOC_ARENA_MAX", "1")
    words = {
        "mode": target.NAME,
        "command": "",
        **target.words(port),
        "url": url_without_secrets(url),
        "protocol": protocol,
        "compression": "deflate" if options.connection.compression else "off",
        "command_line": without_secrets(options.command_line),
    }
    return PlannedServer(target, words, environment, port, probe)


def _policy(options: RunOptions) -> Policy:
    asked, load, measurement = options.policy, options.load, options.measurement
    gates = tuple(entries())
    _check_gates(asked, gates)
    free_bytes = available_memory_bytes()
    budget_bytes = min(MAX_BUDGET_BYTES, free_bytes // 4)
    if load.cycles:
        budget_bytes = 3 * free_bytes // 4
    left_out = [gate for gate in gates if asked.only and gate not in asked.only]
    policy = Policy(
        limit_bytes=asked.limit_bytes,
        fixed_cycles=load.cycles,
        min_cycles=load.min_cycles,
        max_cycles=load.max_cycles,
        grace_s=asked.grace_s,
        memory_budget_bytes=measurement.memory_budget_bytes or budget_bytes,
        explain=measurement.explain and measurement.probe,
        collect=measurement.collect == "always",
        allow=(*asked.allow, *left_out),
        reasons={**dict.fromkeys(left_out, "not among --only"), **asked.reasons},
        fail_on=(*asked.fail_on, *(["files"] if "files" in asked.only else [])),
        log_expected=_log_expected(asked, options.target.NAME),
        log_forbidden=LOG_FORBIDDEN if asked.log_forbid is None else tuple(asked.log_forbid),
        log_noted=LOG_NOTED,
    )
    if asked.object_limit is None:
        return policy
    return replace(policy, object_limit=asked.object_limit)


def _check_gates(asked: PolicyOptions, gates: Sequence[str]) -> None:
    for name in asked.allow:
        if name not in gates and not _FINGERPRINT.fullmatch(name):
            raise UsageError(
                f"'{name}' cannot be allowed: it is neither a gate nor the fingerprint of a "
                f"finding",
                hint=f"gates: {', '.join(gates)}; fingerprints have 16 hexadecimal digits and are "
                f"in result.json",
            )
    for name in asked.only:
        if name not in gates:
            raise UsageError(
                f"--only {name}: there is no such gate", hint=f"gates: {', '.join(gates)}"
            )
    for kind in asked.fail_on:
        if kind not in FAIL_ON:
            raise UsageError(
                f"--fail-on {kind} is not known", hint=f"it can be {' or '.join(FAIL_ON)}"
            )


def _log_expected(asked: PolicyOptions, mode: str) -> tuple[str, ...]:
    given = tuple(asked.log_expect or ())
    for text in (*given, *(asked.log_forbid or ())):
        try:
            re.compile(text)
        except re.error as error:
            raise UsageError(f"'{text}' is not a regular expression: {error}") from error
    return given or (EMBEDDED_LOG if mode == "embedded" else ())
