"""Write the pages of docs/reference that are made from the code.

`python docs/make_reference.py` writes them. With `--check` it writes nothing, and returns 1 if one
is out of date. Each page is made by a function of `reference_pages`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from reference_pages import scenarios
from reference_pages.options import configuration_page, configuration_schema, options_page
from reference_pages.program import program_page
from reference_pages.results import faults_page, gates_page, results_page

FOLDER: Final = Path(__file__).parent / "reference"


def scenarios_page() -> str:
    """The page on scenarios, its tables of actions made anew."""
    return scenarios.scenarios_page(FOLDER / "scenarios.md")


PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "options.md": options_page,
    "configuration.md": configuration_page,
    "leak-harness.schema.json": configuration_schema,
    "scenarios.md": scenarios_page,
    "program.md": program_page,
    "gates.md": gates_page,
    "results.md": results_page,
    "faults.md": faults_page,
}


def main() -> int:
    """Write all pages; with `--check` compare them, and return 1 if one differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing, 1 if a page is out of date"
    )
    is_check = parser.parse_args().check
    stale = []
    for name, make in PAGES.items():
        path, text = FOLDER / name, make()
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(path)
        if not is_check:
            path.write_text(text, encoding="utf-8")
    what = "out of date, run python docs/make_reference.py" if is_check else "written"
    for path in stale:
        print(f"{path}: {what}")
    return 1 if is_check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
