"""`leak-harness serve`: the embedded chat server alone."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from harness.commands.faults import fault_word
from harness.errors import UsageError
from harness.quantities import parse_size

HELP = "run the embedded chat server alone"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare this verb's options."""
    parser.add_argument("--port", default="12393", help="0 takes a free one (default: %(default)s)")
    parser.add_argument("--agent-size", metavar="SIZE", default="32MiB", help="memory of one agent (default: 32MiB)")
    parser.add_argument("--fault", metavar="NAME", action="append", default=[], help="switch a fault on; repeatable")


def run(options: argparse.Namespace) -> int:
    """Become the server."""
    command = embedded_command(options.port, options.agent_size, options.fault)
    os.execv(command[0], command)


def embedded_command(port: str, agent_size: str, faults: list[str]) -> list[str]:
    """The command line of the embedded server.

    Raises:
        UsageError: there is no such fault, or the size is none.
    """
    try:
        parse_size(agent_size)
    except ValueError as error:
        raise UsageError(f"--agent-size: {error}") from error
    main_file = Path(__file__).parent.parent / "chat_server"
    command = [sys.executable, str(main_file), "--port", port, "--agent-size", agent_size]
    for name in faults:
        command += ["--fault", fault_word(name)]
    return command
