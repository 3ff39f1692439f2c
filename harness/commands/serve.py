"""`leak-harness serve`: the embedded chat server alone."""

from __future__ import annotations

import argparse
import os
from typing import Final

from ..errors import UsageError
from ..units import parse_size

HELP: Final = "Run the embedded chat server alone."


def add_options(parser: argparse.ArgumentParser) -> None:
    """Where it listens, and what it does wrong."""
    parser.add_argument(
        "--port", default="12393", help="The port; 0 takes a free one. (default: %(default)s)"
    )
    parser.add_argument(
        "--agent-size",
        metavar="SIZE",
        default="32MiB",
        help="How much memory one agent holds. (default: %(default)s)",
    )
    parser.add_argument(
        "--fault",
        metavar="NAME",
        action="append",
        default=[],
        help="Switch a fault on. Repeatable.",
    )


def run(options: argparse.Namespace) -> int:
    """Become the server."""
    from ..target.embedded import embedded_command

    try:
        size_bytes = parse_size(options.agent_size)
    except ValueError as error:
        raise UsageError(f"--agent-size: {error}") from error
    command = embedded_command(options.port, size_bytes, options.fault)
    os.execv(command[0], command)
