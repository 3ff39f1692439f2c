"""The command line of the chat server."""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import logging
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NoReturn

from .agent import PAGE_BYTES
from .characters import CharactersInvalid, load_cast
from .context import Services
from .hooks import FaultNotLoaded, Hooks, install_fault
from .server import CannotListen, run_server, watch_children_by_descriptor

USAGE_STATUS: Final = 2
OWN_CHARACTERS: Final = Path(__file__).with_name("characters")
UNITS: Final = {"": 1, "b": 1, "kib": 2**10, "mib": 2**20, "gib": 2**30}
M_TRIM_THRESHOLD: Final = -1
TRIM_THRESHOLD_BYTES: Final = 2**19
M_MMAP_THRESHOLD: Final = -3
MMAP_THRESHOLD_BYTES: Final = 2**20


class _OneLineParser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(USAGE_STATUS, f"{self.prog}: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the server until it is told to stop; returns the exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr
    )
    hooks = Hooks()
    try:
        for word in options.fault:
            install_fault(word, hooks)
        services = Services(load_cast(options.characters), options.agent_size, hooks)
        _fix_mallocs_thresholds()
        watch_children_by_descriptor()
        asyncio.run(run_server(services, options.host, options.port, _say_listening))
    except (FaultNotLoaded, CharactersInvalid, CannotListen) as error:
        parser.error(str(error))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = _OneLineParser(prog="chat-server", description="The embedded chat server.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0, the default, takes a free one")
    parser.add_argument(
        "--agent-size", type=_size, default="32MiB", metavar="SIZE", help="memory of one agent"
    )
    parser.add_argument(
        "--fault", action="append", default=[], metavar="FILE[=ARGUMENT]", help="may be repeated"
    )
    parser.add_argument("--characters", type=Path, default=OWN_CHARACTERS, metavar="FOLDER")
    return parser


def _size(text: str) -> int:
    parts = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]*)", text.strip().lower())
    if parts is None or parts[2] not in UNITS:
        raise argparse.ArgumentTypeError(
            f"'{text}' is not a size. Write for example 8MiB, 2GiB or plain bytes"
        )
    size_bytes = round(float(parts[1]) * UNITS[parts[2]])
    if size_bytes < PAGE_BYTES:
        raise argparse.ArgumentTypeError(
            f"'{text}' is too small: an agent holds at least {PAGE_BYTES} bytes"
        )
    return size_bytes


def _say_listening(address: str) -> None:
    print(f"listening on {address}", flush=True)


def _fix_mallocs_thresholds() -> None:
    """Fix two that glibc otherwise raises with the largest block freed so far.

    With that of mappings of their own, an agent's memory goes back to the system with the agent,
    whatever its size. With that of trimming, what was freed at the start does not decide whether
    each read of asyncio's takes its 256 KiB from the system and gives them back, which is up to 2 %
    of a session's CPU time.
    """
    with suppress(AttributeError, OSError):  # another C library
        library = ctypes.CDLL(None)
        library.mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD_BYTES)
        library.mallopt(M_TRIM_THRESHOLD, TRIM_THRESHOLD_BYTES)
