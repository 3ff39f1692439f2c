"""`leak-harness completion`: a script with which a shell completes verbs, options and values."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Final

from ._shell_scripts import SCRIPTS, Argument

HELP: Final = "Print a script for bash, zsh or fish that completes commands and options."
EXAMPLES: Final = """\
To complete from the next shell on, add a line to the file that the shell reads:
  ~/.bashrc                   eval "$(leak-harness completion bash)"
  ~/.zshrc, after compinit    eval "$(leak-harness completion zsh)"
  ~/.config/fish/config.fish  leak-harness completion fish | source"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare which shell."""
    parser.add_argument("shell", choices=[*SCRIPTS], help="The shell.")
    parser.epilog = EXAMPLES


def run(options: argparse.Namespace) -> int:
    """Print the script."""
    from . import verb_named, verb_names

    verbs: dict[str, tuple[str, tuple[Argument, ...]]] = {}
    for name in verb_names():
        verb = verb_named(name)
        parser = argparse.ArgumentParser(f"leak-harness {name}")
        verb.add_options(parser)
        verbs[name] = (verb.HELP, tuple(_arguments(parser)))
    print("\n".join(SCRIPTS[options.shell](verbs)))
    return 0


def _arguments(parser: argparse.ArgumentParser) -> Iterator[Argument]:
    known = _known_values()
    for action in parser._actions:
        if action.help == argparse.SUPPRESS:
            continue
        metavar = str(action.metavar or action.dest.upper())
        values = tuple(action.choices or known.get((action.dest, metavar), ()))
        text = parser._get_formatter()._expand_help(action)
        takes_value = action.nargs != 0
        names = tuple(action.option_strings)
        yield Argument(names, text, metavar if takes_value else "", values)


def _known_values() -> dict[tuple[str, str], tuple[str, ...]]:
    """Values by the name of the option and what the help calls them."""
    from ..experiment.plan import FAIL_ON
    from ..sessions.protocols import shipped
    from ..sessions.scenario import shipped_folder
    from ..target.embedded import fault_specs
    from ..verdict.gates import entries

    faults, gates = tuple(fault_specs()), tuple(entries())
    files = shipped_folder().glob("[!_]*.py")
    return {
        ("allow", "GATE|FINGERPRINT"): gates,
        ("before_fault", "NAME"): faults,
        ("fail_on", "KIND"): FAIL_ON,
        ("fault", "NAME"): faults,
        ("only", "GATE"): gates,
        ("only", "NAME"): faults,
        ("protocol", "NAME"): shipped(),
        ("scenario", "SCENARIO"): tuple(sorted(file.stem.replace("_", "-") for file in files)),
    }
