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


LOOP = """
    seen = {}
    async def sweeper():
        while True:
            await asyncio.sleep(60)
            for key in [key for key, (_, expires) in seen.items() if expires < time.time()]:
                del seen[key]
    async def main():
        asyncio.create_task(sweeper())
"""


@pytest.mark.parametrize(("running", "is_bound"), [(("main",), False), (("main", "sweeper"), True)])
def test_a_sweep_that_goes_round_has_to_be_a_pending_task(
    tmp_path: Path, running: tuple[str, ...], is_bound: bool
) -> None:
    file = tmp_path / "shop.py"
    file.write_text(dedent(LOOP))
    place = expiry_of("shop.seen", Home((), (str(file),), {}), [str(file)], running)
    assert bool(place) is is_bound


def test_a_sweep_that_only_a_comment_names_is_not_called(tmp_path: Path) -> None:
    text = MODULE["a sweep"].replace("def handle(): sweep()", "def handle(): pass  # sweep()")
    assert found(tmp_path, text) == ""


def test_a_sweep_is_called_from_another_file_of_the_application(tmp_path: Path) -> None:
    shop, app = tmp_path / "shop.py", tmp_path / "app.py"
    shop.write_text(dedent(MODULE["a sweep"].replace("def handle(): sweep()", "")))
    app.write_text("import shop\ndef handle():\n    shop.sweep()\n")
    home = Home((), (str(shop),), {})
    assert expiry_of("shop.seen", home, [str(shop)]) == ""
    assert expiry_of("shop.seen", home, [str(shop), str(app)]) == f"{shop}:3"
