"""`leak-harness serve`: the embedded chat server alone."""

from __future__ import annotations

import argparse
import os

from harness.target.embedded import embedded_command

HELP = "run the embedded chat server alone"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare this verb's options."""
    parser.add_argument("--port", default="12393", help="0 takes a free one (default: %(default)s)")
    parser.add_argument(
        "--agent-size", metavar="SIZE", default="32MiB", help="memory of one agent (default: 32MiB)"
    )
    parser.add_argument(
        "--fault", metavar="NAME", action="append", default=[], help="switch a fault on; repeatable"
    )


def run(options: argparse.Namespace) -> int:
    """Become the server."""
    command = embedded_command(options.port, options.agent_size, options.fault)
    os.execv(command[0], command)
