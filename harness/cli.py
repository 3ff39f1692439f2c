"""The command line: finds the verb, hands it its options, and makes errors into words and statuses.

Each verb is a module of `commands`. Only the one that is asked for is imported.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import select
import signal
import sys
import textwrap
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, Final, NoReturn

from .commands import Verb, verb_named, verb_names
from .errors import (
    GIT_ABORTED,
    GIT_SKIPPED,
    ExitStatus,
    HarnessError,
    ScriptFailed,
)
from .exits import decide
from .reporters.escaping import clean, log_lines
from .streams import usable_streams

PROGRAM: Final = "leak-harness"
DESCRIPTION: Final = (
    "Does your WebSocket chat server leak? leak-harness runs scripted sessions against the server. "
    "It measures memory, CPU and reply time, and decides: leak, flat or inconclusive."
)
HELP_WIDTH: Final = 78
"""Columns of what the help says before the options."""
_ANSWERS_FOR_GIT: Final = (ExitStatus.FLAT, ExitStatus.LEAK, GIT_SKIPPED)


class _Parser(argparse.ArgumentParser):
    """Options are typed in full. An error is one line on what is wrong; the options are in the
    help.
    """

    def __init__(self, prog: str, description: str) -> None:
        super().__init__(
            prog=prog,
            description=textwrap.fill(description, HELP_WIDTH),
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    def error(self, message: str) -> NoReturn:
        self.exit(ExitStatus.USAGE, f"{self.prog}: {message}\n  see {self.prog} --help\n")


class _Version(argparse.Action):
    """Looked up only where it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        from importlib import metadata  # noqa: PLC0415 - a fifth of what --help takes

        print(f"{PROGRAM} {metadata.version(PROGRAM)}, Python {platform.python_version()}")
        parser.exit()


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb.

    Args:
        argv: the words after the name of the program; None: those that were typed.

    Returns:
        The exit status. Errors have been printed. Of the words that were typed, nothing that a
        script has left behind can change it any more.
    """
    status = _status_for_shell(list(sys.argv[1:] if argv is None else argv))
    if argv is None:
        decide(status)
    return status


def _status_for_shell(words: Sequence[str]) -> int:
    try:
        with usable_streams():
            status = _status(words)
    except BaseException:  # noqa: BLE001 - it cannot even be told; Python would exit with 1
        status = ExitStatus.HARNESS_FAILED
    # Also where the option was cut short, which is refused: git takes 2 for a bad commit.
    is_for_git = any(len(word) > 2 and "--bisect-status".startswith(word) for word in words)
    return GIT_ABORTED if is_for_git and status not in _ANSWERS_FOR_GIT else status


def _status(words: Sequence[str]) -> int:
    try:
        name = words[0] if words else ""
        if name not in verb_names():
            return _without_verb(words)
        verb = verb_named(name)
        options = _options(verb, name, words)
        status = options if isinstance(options, int) else verb.run(options)
        print(end="", flush=True)  # now: at the end it could not be told that nobody reads it
        return status
    except HarnessError as error:
        return _printed(error)
    except KeyboardInterrupt:
        print(f"{PROGRAM}: stopped by the user", file=sys.stderr)
        return ExitStatus.INTERRUPTED
    except BaseException as error:  # noqa: BLE001 - Python would exit with 1, a leak, or with 0
        return _unexpected(error)


def _without_verb(words: Sequence[str]) -> int:
    """Help, the version, or an error."""
    parser = _Parser(PROGRAM, DESCRIPTION)
    parser.add_argument("--version", action=_Version, nargs=0, help="Print the version and exit.")
    verbs = parser.add_subparsers(
        metavar="VERB", required=True, parser_class=argparse.ArgumentParser
    )
    for name in verb_names():
        verbs.add_parser(name, help=verb_named(name).HELP)
    try:
        if not words:
            parser.error(f"which verb? One of: {', '.join(verb_names())}")
        if not words[0].startswith("-"):
            near = get_close_matches(words[0], verb_names(), 1)
            hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(verb_names())}"
            parser.error(f"there is no verb '{words[0]}': {hint}")
        parser.parse_args(words)
    except SystemExit as leaving:
        print(end="", flush=True)
        return int(leaving.code or 0)
    raise AssertionError("the words hold no verb, so that the parser exits")


def _options(verb: Verb, name: str, words: Sequence[str]) -> argparse.Namespace | int:
    """What a verb is asked for; the status where that is help, or wrong."""
    parser = _Parser(f"{PROGRAM} {name}", verb.HELP)
    verb.add_options(parser)
    try:
        options, unknown = parser.parse_known_args(words[1:])
        if unknown:
            parser.error(_not_understood(unknown[0], name, options, parser))
    except SystemExit as leaving:
        print(end="", flush=True)
        return int(leaving.code or 0)
    options.command_line = [PROGRAM, *words]
    return options


def _not_understood(
    word: str, verb: str, options: argparse.Namespace, parser: argparse.ArgumentParser
) -> str:
    key = word.partition("=")[0].removeprefix("--").replace("-", "_")
    refused: dict[str, str] = getattr(options, "refused", {})
    if key in refused:
        return f"{verb} has no --{key.replace('_', '-')}: {refused[key]}"
    known = re.findall(r"--[a-z-]+", parser.format_usage())
    near = [option for option in known if word != "--" and option.startswith(word)]
    near += get_close_matches(word, known, 1)
    return f"'{word}' is not understood" + (f": did you mean {near[0]}?" if near else "")


def _is_unread() -> bool:
    """Whether the reader of the output has gone, as `head` does. Then nothing more is written."""
    gone = []
    for stream in (sys.stdout, sys.stderr):
        watched = select.poll()
        watched.register(stream, 0)
        if any(event & select.POLLERR for _, event in watched.poll(0)):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
            gone.append(stream)
    return bool(gone)


def _unexpected(error: BaseException) -> int:
    """The status of an error that no code expects: of a task of the script, of a reader that has
    gone, or of a defect.
    """
    if isinstance(error, SystemExit) and error.code == ExitStatus.USAGE:
        return ExitStatus.USAGE
    if isinstance(error, BrokenPipeError) and _is_unread():
        return 128 + signal.SIGPIPE
    # Imported here: most calls do not need it.
    from .sessions.script_errors import in_words, line_in  # noqa: PLC0415

    where = "" if isinstance(error, Exception) else line_in(error.__traceback__, "")
    if where:  # of a task that the script has started
        return _printed(ScriptFailed(f"{where}: the script raised {in_words(error)}"))
    if isinstance(error, SystemExit):  # nothing of ours does
        return _printed(
            ScriptFailed(f"a callback of the script ended the program: {in_words(error)}")
        )
    sys.excepthook(type(error), error, error.__traceback__)
    print(
        f"{PROGRAM}: this is a defect of {PROGRAM} itself: please report it with the lines above",
        file=sys.stderr,
    )
    return ExitStatus.HARNESS_FAILED


def _printed(error: HarnessError) -> int:
    page = f"\n  page: docs/{error.page}" if error.page else ""
    print(log_lines(clean(f"{PROGRAM}: {error}{page}")), file=sys.stderr)
    return error.exit_status
