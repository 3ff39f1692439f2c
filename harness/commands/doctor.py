"""`leak-harness doctor`: what this machine and this server allow, and what to do where they do
not.
"""

from __future__ import annotations

import argparse
import textwrap
from typing import TYPE_CHECKING, Final

from ..errors import ExitStatus
from ._run_options import add_run_options, asked

if TYPE_CHECKING:
    from ..experiment.checks import Check

HELP: Final = "Check this machine and the server under test: probe, memory, allocator, interpreter."
NOTE: Final = """\
The other options of `leak-harness run` are accepted, so that the line of a run
can be tried. They do nothing here."""
_TAKEN: Final = ("scenario", "probe")
_COLUMN: Final = 18
"""The column in which findings begin."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Those of a run that say which server, and how it is reached."""
    from ..experiment.options import options as run_options
    from ..experiment.options.connection import GROUP as CONNECTION
    from ..target.ways import all_keys

    taken = {*_TAKEN, *all_keys()}
    hidden = [
        option.key
        for option in run_options()
        if option.group != CONNECTION and option.key not in taken
    ]
    add_run_options(parser, hidden=hidden)
    parser.set_defaults(unused=frozenset())  # the note says it
    parser.epilog = NOTE


def run(options: argparse.Namespace) -> int:
    """Print what was looked at; 0 where a run is possible."""
    from ..experiment.checks import machine_checks, server_checks

    checks = [*machine_checks(), *server_checks(asked(options))]
    for check in checks:
        _print(check)
    is_fatal = any(check.fatal for check in checks)
    return ExitStatus.USAGE if is_fatal else ExitStatus.FLAT


def _print(check: Check) -> None:
    mark = "warn" if check.advice else "ok"
    if check.fatal:
        mark = "no"
    print(f"{mark:5} {check.what:12} {check.finding}")
    first, *others = check.advice.splitlines() or [""]
    if check.advice:
        print(f"{'':{_COLUMN}} -> {first}")
    for line in others:
        print(textwrap.indent(line, " " * (_COLUMN + 4)))
