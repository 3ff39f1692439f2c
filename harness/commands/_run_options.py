"""The options of a run on a command line: argparse made from the table, and back."""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..reporters.escaping import clean, log_lines

if TYPE_CHECKING:
    from ..experiment.options import RunOptions
    from ..option import Option

STATUSES = """\
status:
  0 flat   1 leak, or degraded: replies, CPU or the log got worse
  2 wrong usage   3 inconclusive   4 the server failed   5 the harness failed
  130 interrupted"""


def tell(line: str) -> None:
    """Print a line for a person, where it does not disturb a result, and no CI obeys it."""
    print(log_lines(clean(line)), file=sys.stderr, flush=True)


def add_run_options(
    parser: argparse.ArgumentParser,
    *,
    hidden: Collection[str] = (),
    refused: Mapping[str, str] | None = None,
) -> None:
    """Give a parser the options of a run.

    Args:
        parser: of a verb.
        hidden: keys of options that the verb accepts, so that the line of a run can be used again,
            and that do nothing there. The help does not list them, and who types one is told.
        refused: keys of options that the verb does not take, each with the reason.
    """
    from ..experiment.options import options

    left_out = refused or {}
    parser.set_defaults(refused=left_out, unused=frozenset(hidden))
    groups: dict[str, argparse._ActionsContainer] = {"": parser}
    for option in options():
        if option.key in left_out:
            continue
        if option.group not in groups:
            title, _, about = option.group.partition(": ")
            if left_out.keys() & {"pid", "metrics_url"}:  # some of the targets that it names
                about = ""
            sentence = textwrap.fill(f"{about[:1].upper()}{about[1:]}." if about else "", 76)
            groups[option.group] = parser.add_argument_group(title, sentence or None)
        _add(groups[option.group], option, is_hidden=option.key in hidden)


def asked(
    given: argparse.Namespace,
    *,
    also: Mapping[str, Any] | None = None,
    left_out: Collection[str] = (),
) -> RunOptions:
    """What a command line asks for, with the settings of the file that counts here.

    Args:
        given: the parsed command line of a verb with the options of a run.
        also: values that a verb gives itself, by the keys of their options, as if they were typed.
        left_out: keys of options that a file does not set for this verb.

    Raises:
        ConfigInvalid: the file has errors.
        UsageError: two targets are named.
    """
    from ..experiment.config import settings
    from ..experiment.options import options_from

    typed = values_of(given)
    for key in typed.keys() & given.unused:
        tell(f"leak-harness: --{key.replace('_', '-')} does nothing here")
    values = settings({**typed, **(also or {})}, Path.cwd(), tell)
    unwanted = {*given.refused, *left_out}
    taken = {key: value for key, value in values.items() if key not in unwanted}
    return options_from(taken, tuple(given.command_line))


def asked_again(words: Sequence[str]) -> RunOptions:
    """What a line of `run` or `ci` asked for, which has one word that is its verb."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    add_run_options(parser)
    given, _ = parser.parse_known_args(words[2:])
    given.command_line = list(words)
    return asked(given)


def values_of(given: argparse.Namespace) -> dict[str, Any]:
    """The values that were typed, by the keys of their options."""
    from ..experiment.options import options
    from ..option import Form

    values: dict[str, Any] = {}
    for option in options():
        if option.key not in given:
            continue
        value = getattr(given, option.key)
        if option.kind.form is Form.PAIRS:
            value = dict(value)
        elif option.is_repeatable:
            value = tuple(value)
        values[option.key] = value
    return values


def _add(group: argparse._ActionsContainer, option: Option, *, is_hidden: bool) -> None:
    from ..option import Form

    kind = option.kind
    text = argparse.SUPPRESS if is_hidden else option.says.replace("%", "%%")
    more: dict[str, Any] = {"help": text, "default": argparse.SUPPRESS}
    if kind.form is Form.FLAG:
        more["action"] = "store_true"
    elif kind.form is Form.SWITCH:
        more["action"] = argparse.BooleanOptionalAction
    elif option.choices:
        more["choices"] = option.choices
    else:
        more |= {"metavar": option.metavar or kind.metavar, "type": _reader(kind.read)}
    if kind.form is Form.POSITIONAL:
        group.add_argument(option.key, nargs="?", **more)
        return
    if option.is_repeatable or kind.form is Form.PAIRS:
        more["action"] = "append"
    group.add_argument(f"--{option.name}", **more)


def _reader(read: Callable[[str], Any]) -> Callable[[str], Any]:
    def argument(text: str) -> Any:
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return argument
