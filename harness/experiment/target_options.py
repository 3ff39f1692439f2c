"""Which server is tested, from what the user asks for."""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit, urlunsplit

from harness.errors import NoSuchProcess, UsageError
from harness.redaction import url_without_secrets, without_secrets
from harness.units import parse_time_s

if TYPE_CHECKING:
    from harness.target.target import Target

READY_LIMIT_S: Final = 30.0
ATTACHED_READY_LIMIT_S: Final = 10.0
"""For a server that runs already."""
_TARGETS: Final = {
    "serve": "--serve",
    "pid": "--pid",
    "container": "--container",
    "metrics_url": "--metrics-url",
    "cgroup": "--cgroup",
}
"""Of these a run has one, or none: the embedded server."""
_OWN: Final = {
    "--fault": ("fault", ("embedded",)),
    "--agent-size": ("agent_size", ("embedded",)),
    "--cwd": ("cwd", ("serve",)),
    "--env": ("env", ("serve", "embedded")),
    "--ready-log": ("ready_log", ("serve",)),
    "--attach-probe": ("attach_probe", ("pid", "container")),
    "--metric": ("metric", ("metrics_url",)),
    "--log": ("log", ("pid", "container", "metrics_url", "cgroup", "url")),
}
"""Options that make sense with some targets alone."""


def declare_target(parser: argparse.ArgumentParser) -> None:
    """The options that name it."""
    parser.set_defaults(command_line=["leak-harness", *sys.argv[1:]])
    target = parser.add_argument_group("target: one of these; the embedded chat server without any")
    target.add_argument(
        "--fault", metavar="NAME", action="append", default=[], help="switch a fault on (embedded)"
    )
    target.add_argument(
        "--agent-size", metavar="SIZE", help="memory of one character's agent (embedded)"
    )
    target.add_argument(
        "--serve", metavar="COMMAND", help="start this server; {port} becomes a free port"
    )
    target.add_argument("--cwd", metavar="DIR", type=Path, help="folder to start it in")
    target.add_argument(
        "--env", metavar="K=V", action="append", default=[], type=pair, help="for its environment"
    )
    target.add_argument(
        "--ready-log", metavar="REGEX", type=_pattern, help="ready once a line of its log has this"
    )
    target.add_argument(
        "--ready-limit", metavar="TIME", type=time_s, help="give it up after so long (30s, or 10s)"
    )
    target.add_argument(
        "--pid", metavar="PID", type=_pid, help="it runs already: this process and its children"
    )
    target.add_argument(
        "--container",
        metavar="NAME",
        help="the same of a docker or podman container of this machine",
    )
    target.add_argument(
        "--attach-probe", action="store_true", help="put the probe into that (CPython 3.14, or gdb)"
    )
    target.add_argument(
        "--metrics-url", metavar="URL", help="it is elsewhere: its Prometheus text page"
    )
    target.add_argument(
        "--metric", metavar="rss=NAME", action="append", default=[], type=pair, help="a name there"
    )
    target.add_argument(
        "--cgroup", metavar="DIR", type=Path, help="it is in this control group (version 2)"
    )
    target.add_argument("--url", metavar="URL", help="the WebSocket address; may hold {port}")


def unless_another(settings: Mapping[str, Any], asked: argparse.Namespace) -> dict[str, Any]:
    """The settings of a file, without the server that they name where the command line names
    another.

    Args:
        settings: by the option's name.
        asked: the command line alone.
    """
    mode = next((name for name in _TARGETS if getattr(asked, name, None) is not None), "")
    if getattr(asked, "before", None):
        mode = "serve"
    if not mode and any(
        getattr(asked, name, None) for name in ("fault", "agent_size", "before_fault")
    ):
        mode = "embedded"
    if not mode:
        return dict(settings)
    left_out = {*_TARGETS} - {mode} | {name for name, modes in _OWN.values() if mode not in modes}
    if mode == "embedded":
        left_out.add("url")
    return {name: value for name, value in settings.items() if name not in left_out}


def target_of(options: argparse.Namespace, default_path: str, seed: int) -> tuple[Target, str]:
    """The target, and the WebSocket address.

    Raises:
        UsageError: two targets, none, or one that cannot be.
    """
    from harness.target.launched import free_port
    from harness.target.target import Target

    mode = _mode(options)
    port = str(free_port())
    launched = mode in ("serve", "embedded")
    if not launched and not options.url and not options.unix:
        raise UsageError(
            f"{_TARGETS.get(mode, mode)} does not say where to connect",
            hint="give --url ws://HOST:PORT/PATH",
        )
    if mode == "url" and not options.once:
        raise UsageError(
            "--url alone gives no memory to measure",
            hint="start it with --serve, name it with --pid, --container, --cgroup or "
            "--metrics-url, or try --once",
        )
    host = "localhost" if options.unix else f"127.0.0.1:{port}"
    url = _with_path((options.url or f"ws://{host}").replace("{port}", port), default_path)
    command = _command(options, mode, port)
    if options.cwd is not None and not options.cwd.is_dir():
        raise UsageError(f"--cwd {options.cwd} is no folder")
    environment = {**os.environ, "PORT": port, "PYTHONHASHSEED": str(seed), **dict(options.env)}
    if not options.probe:
        environment.setdefault("MALLOC_ARENA_MAX", "1")
    pid = _pid_of_container(options.container) if mode == "container" else options.pid
    words = {
        "mode": mode,
        "command": without_secrets(command),
        **({"pid": str(pid)} if pid else {}),
        **(
            {"metrics_url": url_without_secrets(options.metrics_url)} if options.metrics_url else {}
        ),
        "url": url_without_secrets(url),
        "protocol": options.protocol,
        "compression": "deflate" if options.compression else "off",
        "command_line": without_secrets(options.command_line),
    }
    target = Target(
        command,
        words,
        environment,
        options.cwd,
        options.probe,
        ready_log=options.ready_log,
        ready_limit_s=options.ready_limit
        or (READY_LIMIT_S if launched else ATTACHED_READY_LIMIT_S),
        pid=pid,
        attach_probe=options.attach_probe,
        source=_source(options),
        log=options.log,
    )
    return target, url


def _mode(options: argparse.Namespace) -> str:
    asked = [name for name in _TARGETS if getattr(options, name) is not None]
    if len(asked) > 1:
        names = " and ".join(_TARGETS[name] for name in asked)
        raise UsageError(f"{names} name different targets", hint="leave all but one of them out")
    mode = asked[0] if asked else "url" if options.url or options.unix else "embedded"
    for option, (name, modes) in _OWN.items():
        if getattr(options, name) and mode not in modes:
            other = (
                "the embedded server is"
                if mode == "embedded"
                else f"{_TARGETS.get(mode, '--url')} names"
            )
            wants = " or ".join(_TARGETS.get(one, "the embedded server") for one in modes)
            hint = f"give {wants}, too" if mode == "embedded" else "leave one of them out"
            raise UsageError(f"{other} the target, and {option} is for {wants}", hint=hint)
    return mode


def _command(options: argparse.Namespace, mode: str, port: str) -> list[str]:
    from harness.experiment.embedded import embedded_command

    if mode == "embedded":
        return embedded_command(port, options.agent_size or "32MiB", options.fault)
    if mode != "serve":
        return []
    try:
        command = [part.replace("{port}", port) for part in shlex.split(options.serve)]
    except ValueError as error:
        raise UsageError(f"--serve {options.serve}: {error}", hint="close the quotes") from error
    if not command:
        raise UsageError(
            "--serve is empty",
            hint='give a command, such as --serve "uvicorn app:app --port {port}"',
        )
    return command


def _with_path(url: str, default_path: str) -> str:
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in ("ws", "wss") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # of a port that is none, or half a bracket
        is_address = False
    if not is_address:
        shown = url_without_secrets(url)
        raise UsageError(
            f"--url '{shown}' is no WebSocket address",
            hint="give one such as ws://127.0.0.1:8000/ws",
        )
    return url if parts.path else urlunsplit(parts._replace(path=default_path))


def _source(options: argparse.Namespace) -> Any:
    from harness.target.remote import Cgroup, Page

    if options.cgroup is not None:
        return Cgroup(options.cgroup)
    if options.metrics_url is None:
        return None
    if not options.metrics_url.startswith(("http://", "https://")):
        raise UsageError(
            f"--metrics-url '{options.metrics_url}' is no address",
            hint="give one with http:// or https://",
        )
    if unknown := [
        name for name, _ in options.metric if name not in ("rss", "cpu_s", "descriptors", "threads")
    ]:
        raise UsageError(
            f"--metric {unknown[0]}= is not known",
            hint="it can be rss, cpu_s, descriptors or threads",
        )
    return Page(options.metrics_url, dict(options.metric))


def _pid_of_container(name: str) -> int:
    """The first process of a container, as docker or podman tells it."""
    said = ""
    for engine in filter(shutil.which, ("docker", "podman")):
        done = subprocess.run(
            [engine, "inspect", name], capture_output=True, text=True, check=False
        )
        said = f"{engine}: {done.stderr.strip()}"
        if done.returncode == 0 and (pid := json.loads(done.stdout)[0].get("State", {}).get("Pid")):
            return int(pid)
    if not said:
        raise UsageError(
            "--container needs docker or podman, and neither is here",
            hint="name a process with --pid",
        )
    raise NoSuchProcess(f"no container '{name}' runs here", why=said, hint="see `docker ps`")


def pair(text: str) -> tuple[str, str]:
    """`K=V`."""
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise argparse.ArgumentTypeError(f"'{text}' is not of the form K=V")
    return key, value


def time_s(text: str) -> float:
    """Such as `250ms`, `2s`, `1m`."""
    try:
        return parse_time_s(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _pid(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"'{text}' is no process id")
    return int(text)


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"'{text}' is no regular expression: {error}") from error
