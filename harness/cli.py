"""The parser. Each verb is a module of `commands` with `HELP`, `add_options(parser)` and `run(options) -> int`; one
that can be configured has `defaults()`, too.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from harness.commands import VERBS
from harness.errors import ExitStatus, HarnessError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; its exit status is returned, errors are printed in words."""
    parser = argparse.ArgumentParser(prog="leak-harness", description="Does your WebSocket chat server leak?")
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    for name, verb in VERBS.items():
        one = verbs.add_parser(name, help=verb.HELP, description=verb.HELP)
        verb.add_options(one)
        one.set_defaults(verb=verb, parser=one)
    try:
        options = parser.parse_args(argv)
        if hasattr(options.verb, "defaults"):  # from a file, read only once the verb is known; the command line wins
            options.parser.set_defaults(**options.verb.defaults())
            options = parser.parse_args(argv)
        status: int = options.verb.run(options)
        return status
    except SystemExit as leaving:
        return int(leaving.code or 0)
    except HarnessError as error:
        print(f"leak-harness: {error}", file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        print("leak-harness: stopped by the user", file=sys.stderr)
        return ExitStatus.INTERRUPTED
