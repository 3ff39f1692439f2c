"""Code that takes entries out of a container by their age."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from harness.cause.container_in_source import Home
from harness.cause.expiry_code import expiry_of

MODULE = {
    "a sweep": """
        seen = {}
        def sweep():
            now = time.monotonic()
            for key in [key for key, (_, expires) in seen.items() if expires < now]:
                del seen[key]
        def handle(): sweep()
    """,
    "a queue of deadlines": """
        seen = collections.deque()
        def add(one):
            while seen and seen[0].deadline <= loop.time():
                seen.popleft()
            seen.append(one)
        handle = add
    """,
}
NOT = {
    "a sweep that nothing calls": """
        seen = {}
        def sweep():
            for key, value in list(seen.items()):
                if value.expires_at < time.time():
                    seen.pop(key)
    """,
    "a removal without a time": """
        seen = {}
        def leave(key):
            if key in seen and len(key) > 3:
                seen.pop(key)
        handle = leave
    """,
    "a time of another container": """
        seen, others = {}, {}
        def sweep():
            for key, value in list(others.items()):
                if value.expires_at < time.time():
                    others.pop(key)
        def handle(): sweep()
    """,
}


def found(tmp_path: Path, text: str, name: str = "shop.seen", names: tuple[str, ...] = ()) -> str:
    file = tmp_path / "shop.py"
    file.write_text(dedent(text))
    return expiry_of(name, Home(names, (str(file),), {}))


@pytest.mark.parametrize("name", MODULE)
def test_code_that_compares_times_and_removes_is_found(tmp_path: Path, name: str) -> None:
    assert found(tmp_path, MODULE[name]).startswith(str(tmp_path / "shop.py:"))


@pytest.mark.parametrize("name", NOT)
def test_other_code_is_none(tmp_path: Path, name: str) -> None:
    assert found(tmp_path, NOT[name]) == ""


def test_a_method_of_the_owner_and_a_function_beside_a_closure_are_found(tmp_path: Path) -> None:
    text = """
        class Pages:
            def expire(self):
                for key, page in list(self.pages.items()):
                    if page.expires_at <= time.time():
                        self.pages.pop(key)
            async def sweep(self):
                self.expire()
        def make():
            seen = {}
            def sweep():
                for key in [key for key, until in seen.items() if until < time.time()]:
                    del seen[key]
            def use(key):
                sweep()
                seen[key] = time.time() + 60
            return use
    """
    assert found(tmp_path, text, "shop.Pages.pages", ("Pages",)).endswith(":3")
    name = "make.<locals>.use closure seen"
    assert found(tmp_path, text, name, ("make.<locals>.use",)).endswith(":11")
