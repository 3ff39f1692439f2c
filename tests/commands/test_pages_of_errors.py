"""A message names the page that explains it."""

from __future__ import annotations

import re
from pathlib import Path

import command
import pytest

from harness import errors

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {
    name: kind.page
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.HarnessError) and kind.page
}


def anchors(page: Path) -> set[str]:
    """The addresses of the headings of a page, as the site makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    plain = (re.sub(r"[^\w\s-]", "", heading).strip().lower() for heading in headings)
    return {re.sub(r"[\s-]+", "-", heading) for heading in plain}


@pytest.mark.parametrize("name", PAGES)
def test_the_page_of_an_error_is_there_with_its_heading(name: str) -> None:
    page, _, anchor = PAGES[name].partition("#")
    assert (DOCS / page).is_file()
    assert not anchor or anchor in anchors(DOCS / page)


@pytest.mark.parametrize(
    ("words", "page"),
    [
        (["run", "mine.py"], "docs/reference/scenarios.md"),
        (["run", "--serve", "false", "--once"], "docs/troubleshooting.md#the-server-is-not-ready"),
    ],
)
def test_the_last_line_of_an_error_is_its_page(tmp_path: Path, words: list[str], page: str) -> None:
    (tmp_path / "mine.py").write_text("x = 1\n")
    done = command.done(tmp_path, *words)
    assert done.stderr.splitlines()[-1] == f"  page: {page}", done.stderr
