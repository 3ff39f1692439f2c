"""One file a verb: the folder is the registry. A name that begins with `_` is not a verb.

A verb is a module with `HELP`, `add_options(parser)` and `run(options) -> int`. What is heavy is
imported in `run`, so that `--help` answers at once.
"""

from __future__ import annotations

import argparse
from importlib import import_module
from pkgutil import iter_modules
from typing import Protocol, cast


class Verb(Protocol):
    """A module of this folder."""

    HELP: str
    """One line on what it does."""

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options that the verb takes."""
        ...

    def run(self, options: argparse.Namespace) -> int:
        """Do it.

        Returns:
            The exit status.

        Raises:
            HarnessError: it cannot be done; the error carries the status.
        """
        ...


def verb_names() -> list[str]:
    """All verbs: `run`, then the others by their names."""
    names = [module.name for module in iter_modules(__path__) if not module.name.startswith("_")]
    return sorted(names, key=lambda name: (name != "run", name))


def verb_named(name: str) -> Verb:
    """The module of a verb."""
    return cast("Verb", import_module(f"{__name__}.{name}"))
