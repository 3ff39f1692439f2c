"""A limit next to a container: whether its class keeps it."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from harness.cause.limits import Limits, keeps
from harness.target.probe_answers import BoundedAnswer

KEPT = {
    "compared": """
        class Pages:
            def add(self, key, page):
                while len(self.entries) >= self.max_size:
                    self.entries.popitem()
                self.entries[key] = page
    """,
    "by another method": """
        class Pages:
            def add(self, key, page):
                self.entries[key] = page
                if self.is_full():
                    self.shrink()
            def is_full(self):
                limit = self.max_size
                return len(self) > limit
            def shrink(self):
                oldest = next(iter(self.entries))
                del self.entries[oldest]
    """,
    "cut": """
        class Pages:
            def add(self, page):
                self.entries = [*self.entries, page][-self.max_size :]
    """,
}
NOT_KEPT = {
    "a limit of something else": """
        class Pages:
            def add(self, key, page):
                if len(page) > self.max_size:
                    raise ValueError(page)
                self.entries[key] = page
    """,
    "a limit that is only stored": """
        class Pages:
            def __init__(self, max_size):
                self.max_size, self.entries = max_size, {}
            def add(self, key, page):
                self.entries[key] = page
            def drop(self, key):
                self.entries.pop(key)
    """,
    "a limit that another class keeps": """
        class Pages:
            def add(self, key, page):
                self.entries[key] = page
        class Users:
            def add(self, key):
                if len(self.entries) > self.max_size:
                    self.entries.pop(key)
    """,
}


def bounded(file: Path, limit: str = "max_size", attribute: str = "entries") -> BoundedAnswer:
    return BoundedAnswer(
        "7", "shop.Pages", 10, 100, 80, 1, limit, attribute, ("Pages", "object"), (str(file),)
    )


@pytest.mark.parametrize("name", KEPT)
def test_a_limit_that_the_class_compares_and_enforces_is_one(tmp_path: Path, name: str) -> None:
    file = tmp_path / "shop.py"
    file.write_text(dedent(KEPT[name]))
    assert keeps(bounded(file))


@pytest.mark.parametrize("name", NOT_KEPT)
def test_a_limit_that_the_class_does_not_enforce_is_none(tmp_path: Path, name: str) -> None:
    file = tmp_path / "shop.py"
    file.write_text(dedent(NOT_KEPT[name]))
    assert not Limits().is_kept(bounded(file))


def test_names_that_the_interpreter_mangled_are_found_in_the_source(tmp_path: Path) -> None:
    file = tmp_path / "shop.py"
    text = """
        class Pages:
            def add(self, key, page):
                maxsize = self.__maxsize
                while self.__size + 1 > maxsize:
                    self.__data.popitem()
    """
    file.write_text(dedent(text))
    assert keeps(bounded(file, "_Pages__maxsize", "_Pages__data"))


def test_a_cache_that_is_a_dict_itself_takes_entries_out_of_itself(tmp_path: Path) -> None:
    file = tmp_path / "shop.py"
    text = """
        class Pages(dict):
            def __setitem__(self, key, page):
                super().__setitem__(key, page)
                while len(self) > self.max_size:
                    del self[next(iter(self))]
    """
    file.write_text(dedent(text))
    assert keeps(bounded(file, attribute=""))


def test_a_class_whose_source_cannot_be_read_is_believed(tmp_path: Path) -> None:
    assert keeps(bounded(tmp_path / "gone.py"))
