"""Caches whose bound is known from their source: a file of them, and which one a container is."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

from .container_in_source import Home, Numbers
from .eviction_code import Trim

FILE: Final = "known_caches.toml"
IN_C: Final = "->"
"""The path of a container that only C code names."""


@dataclass(frozen=True, slots=True)
class KnownCache:
    """One cache, as its source says it."""

    owner: str
    """The type that holds the container, or the module whose variable it is."""
    path: str
    """The attribute or variable; empty where the owner is the container itself."""
    bound: int | str
    """Entries, or the attribute that says how many."""
    evicts: str
    package: str
    version: str
    file: str
    slack: float = 0.0
    """Share of the bound by which it may be longer before entries go."""

    @property
    def place(self) -> str:
        """Where it was read."""
        return f"{self.package} {self.version} {self.file}"

    def length(self, numbers: Mapping[str, int]) -> int | None:
        """How long it gets; None where the number is not among those that are known."""
        bound = numbers.get(self.bound) if isinstance(self.bound, str) else self.bound
        return None if bound is None else round(bound * (1 + self.slack))


@cache
def known_caches() -> tuple[KnownCache, ...]:
    """All caches of the file."""
    text = resources.files(__package__).joinpath(FILE).read_text(encoding="utf-8")
    return tuple(KnownCache(**entry) for entry in tomllib.loads(text)["cache"])


def known_trim(chain: Sequence[str], home: Home, numbers: Mapping[str, Numbers]) -> Trim | None:
    """The bound of a container that is one of the known caches; None of any other.

    Args:
        chain: what keeps the container, from a root down to it.
        home: what it hangs on.
        numbers: by source file, the numbers of modules.
    """
    for known in known_caches():
        if not _is(known, chain, home):
            continue
        around = {
            name: value for file in home.files for name, value in numbers.get(file, {}).items()
        }
        length = known.length({**around, **home.numbers})
        if length is not None:
            return Trim(known.place, length)
    return None


def is_kept_by_c(chain: Sequence[str]) -> bool:
    """Whether a container hangs on an object of a named type that shows no attribute for it, so
    that only C code can have put it there.
    """
    if len(chain) < 3 or _parted(chain[-1])[0] != IN_C:
        return False
    kind = _parted(chain[-2])[1]
    return "." in kind and not kind.startswith(("builtins.", "types.", "function", "coroutine"))


def _is(known: KnownCache, chain: Sequence[str], home: Home) -> bool:
    """Whether a chain ends in that cache: its last links are the owner and the path."""
    if len(chain) < 2:
        return False
    above, (link, kind) = chain[-2], _parted(chain[-1])
    if not known.path:
        return kind == known.owner or known.owner.rpartition(".")[2] in home.own
    if link.lstrip(".") != known.path:
        return False
    class_name = known.owner.rpartition(".")[2]
    owner = above.removeprefix("module ") if above.startswith("module ") else _parted(above)[1]
    return owner == known.owner or (known.path != IN_C and class_name in home.names)


def _parted(link: str) -> tuple[str, str]:
    """`.data <builtins.dict>` is `.data` and `builtins.dict`."""
    word, _, kind = link.partition(" <")
    return word, kind.rstrip(">")
