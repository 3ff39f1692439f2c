"""The parser. Each verb is a module of `commands` with `HELP`, `add_options(parser)` and
`run(options) -> int`; one that can be configured has `defaults()`, too.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import select
import signal
import sys
import traceback
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, NoReturn

from harness.commands import VERBS
from harness.commands.run import SKIPPED
from harness.errors import ExitStatus, HarnessError, ScriptFailed
from harness.experiment.target_options import unless_another
from harness.sessions.script_errors import in_words, line_in
from harness.streams import usable_streams

ABORTED = 255
"""`git bisect run` gives up, where most other statuses would mean that the commit is bad."""


class _Parser(argparse.ArgumentParser):
    """One line for what is wrong; the options are in --help."""

    def error(self, message: str) -> NoReturn:
        self.exit(ExitStatus.USAGE, f"{self.prog}: {message}\n  see {self.prog} --help\n")


def _unknown(word: str, usage: str) -> str:
    near = get_close_matches(word, re.findall(r"--[a-z-]+", usage), 1)
    return f"'{word}' is not understood" + (f": did you mean {near[0]}?" if near else "")


def _is_unread() -> bool:
    """Whether who read the output has gone, as `head` does; nothing more is written to it then."""
    gone = []
    for stream in (sys.stdout, sys.stderr):
        watched = select.poll()
        watched.register(stream, 0)
        if any(event & select.POLLERR for _, event in watched.poll(0)):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
            gone.append(stream)
    return bool(gone)


class _Version(argparse.Action):
    """Looked up only where it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        from importlib import metadata  # noqa: PLC0415 - a fifth of what --help takes

        print(
            f"leak-harness {metadata.version('leak-harness')}, Python {platform.python_version()}"
        )
        parser.exit()


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; its exit status is returned, errors are printed in words."""
    words = sys.argv[1:] if argv is None else argv
    with usable_streams():
        status = _main(words)
    answered = (ExitStatus.FLAT, ExitStatus.LEAK, SKIPPED)
    for_git = any(
        word.startswith("--b") and "--bisect-status".startswith(word) for word in words
    )  # also cut short
    return ABORTED if for_git and status not in answered else status


def _main(argv: Sequence[str]) -> int:
    try:
        options = _options(argv)
        if isinstance(options, int):
            return options
        status: int = options.verb.run(options)
        print(end="", flush=True)  # now, for at the end it could not be told that nobody reads it
        return status
    except HarnessError as error:
        return _told(error)
    except KeyboardInterrupt:
        print("leak-harness: stopped by the user", file=sys.stderr)
        return ExitStatus.INTERRUPTED
    except BaseException as error:  # noqa: BLE001 - Python would exit with 1, which means a leak, or with 0
        return _unexpected(error)


def _options(argv: Sequence[str]) -> argparse.Namespace | int:
    """What was asked for; the status where that is help, or wrong."""
    parser = _Parser(prog="leak-harness", description="Does your WebSocket chat server leak?")
    parser.add_argument("--version", action=_Version, nargs=0, help="print it and exit")
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    for name, verb in VERBS.items():
        one = verbs.add_parser(name, help=verb.HELP, description=verb.HELP)
        verb.add_options(one)
        one.set_defaults(verb=verb, parser=one)
    try:
        options, unknown = parser.parse_known_args(argv)
        if unknown:
            options.parser.error(_unknown(unknown[0], options.parser.format_usage()))
        if hasattr(
            options.verb, "defaults"
        ):  # from a file, read only once the verb is known; the command line wins
            options.parser.set_defaults(**unless_another(options.verb.defaults(), options))
            options = parser.parse_args(argv)
    except SystemExit as leaving:
        print(end="", flush=True)
        return int(leaving.code or 0)
    return options


def _unexpected(error: BaseException) -> int:
    """The status of what no code expects: of a script's tasks, of a reader that has gone, or of
    a defect.
    """
    if isinstance(error, SystemExit) and error.code == ExitStatus.USAGE:
        return ExitStatus.USAGE
    if isinstance(error, BrokenPipeError) and _is_unread():
        return 128 + signal.SIGPIPE
    where = "" if isinstance(error, Exception) else line_in(error.__traceback__, "")
    if where:  # from a task that the script has started
        return _told(ScriptFailed(f"{where}: the script raised {in_words(error)}"))
    traceback.print_exception(error)
    print(
        "leak-harness: a defect of leak-harness itself: please report it with the lines above",
        file=sys.stderr,
    )
    return ExitStatus.HARNESS_FAILED


def _told(error: HarnessError) -> int:
    print(f"leak-harness: {error}", file=sys.stderr)
    return error.exit_status
