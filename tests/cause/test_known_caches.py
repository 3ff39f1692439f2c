"""The file of known caches: its form, what is in it, and which container is one of them."""

from __future__ import annotations

import importlib
import inspect
import re
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

from harness.cause.container_in_source import Home
from harness.cause.known_caches import IN_C, KnownCache, known_caches, known_trim

MIN_CACHES = 40
CACHES = known_caches()
NAMED = [known for known in CACHES if known.path != IN_C and not known.file.endswith(".c")]


def test_there_are_enough_and_each_is_there_once() -> None:
    assert len(CACHES) >= MIN_CACHES
    assert max(Counter((known.owner, known.path) for known in CACHES).values()) == 1


@pytest.mark.parametrize("known", CACHES, ids=lambda known: f"{known.owner}:{known.path}")
def test_each_says_what_it_is_and_where_that_was_read(known: KnownCache) -> None:
    assert re.fullmatch(r"[\w.]+", known.owner)
    assert known.path == IN_C or re.fullmatch(r"\w*", known.path)
    assert known.bound or known.bound == 0
    assert 0 <= known.slack <= 1
    assert all((known.evicts, known.package, known.version, known.file))


def described(owner: str) -> tuple[object, str]:
    """The module or class of that name and its source, of a class with that of its bases.

    Skips where its package is not installed, or keeps it in another place in this version.
    """
    try:
        return (module := importlib.import_module(owner)), inspect.getsource(module)
    except (ImportError, TypeError):
        pass
    module_name, _, name = owner.rpartition(".")
    try:
        kind = getattr(importlib.import_module(module_name), name)
    except (ImportError, AttributeError):
        pytest.skip(f"{owner} is not installed")
    methods = [one for base in inspect.getmro(kind) for one in vars(base).values()]
    files = {one.__code__.co_filename for one in methods if inspect.isfunction(one)}
    return kind, "\n".join(Path(file).read_text() for file in sorted(files) if Path(file).exists())


@pytest.mark.parametrize("known", NAMED, ids=lambda known: f"{known.owner}:{known.path}")
def test_where_its_package_is_installed_it_has_the_attributes(known: KnownCache) -> None:
    owner, text = described(known.owner)
    for name in filter(None, (known.path, known.bound)):
        if isinstance(owner, ModuleType) and not hasattr(owner, str(name)):
            pytest.skip(f"this version has no {known.owner}.{name}")
        plain = re.sub(r"^_[A-Za-z]\w*?__", "__", str(name))
        assert isinstance(name, int) or re.search(rf"\b{plain}\b", text)


def test_a_container_of_c_is_known_by_what_holds_it() -> None:
    chain = ("module __main__", ".DB <sqlite3.Connection>", f"{IN_C} <builtins.list>")
    trim = known_trim(chain, Home(("Connection",), (), {}), {})
    assert trim is not None
    assert trim.bound == 300
    assert "connection.c" in trim.place
    chain = ("module __main__", ".DB <other.Connection>", f"{IN_C} <builtins.list>")
    assert known_trim(chain, Home(("Connection",), (), {}), {}) is None


def test_the_bound_of_an_attribute_counts_with_its_slack() -> None:
    chain = (
        "module __main__",
        "._compiled_cache <sqlalchemy.util._collections.LRUCache>",
        "._data <builtins.dict>",
    )
    home = Home(("LRUCache",), (), {"capacity": 500})
    trim = known_trim(chain, home, {})
    assert trim is not None
    assert trim.bound == 750
    assert known_trim(chain, Home(("LRUCache",), (), {}), {}) is None  # its number is not known


def test_a_variable_of_a_module_is_known_by_the_number_beside_it() -> None:
    home = Home((), ("/lib/python3.12/re/__init__.py",), {})
    numbers = {"/lib/python3.12/re/__init__.py": {"_MAXCACHE2": 256}}
    trim = known_trim(("module re", "._cache2 <builtins.dict>"), home, numbers)
    assert trim is not None
    assert trim.bound == 256


def test_a_class_derived_from_a_known_one_is_known_too() -> None:
    chain = ("module shop", ".SEEN <shop.Seen>", "._Cache__data <builtins.dict>")
    home = Home(("Seen", "LRUCache", "Cache"), (), {"_Cache__maxsize": 40})
    trim = known_trim(chain, home, {})
    assert trim is not None
    assert trim.bound == 40
    assert known_trim(chain[:1], home, {}) is None
