"""`leak-harness selftest`: does the harness still catch every fault and pass every look-alike?"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Final

from ._run_options import tell

HELP: Final = "Run every fault and look-alike, and check that each gets the expected verdict."


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which faults, and where."""
    parser.add_argument(
        "--only",
        metavar="NAME",
        action="append",
        default=[],
        help="Run this fault alone. Repeatable.",
    )
    parser.add_argument(
        "--parallel",
        metavar="N",
        type=int,
        default=os.cpu_count() or 1,
        help="Runs at the same time. (default: the number of processors)",
    )
    parser.add_argument("--out", metavar="DIR", type=Path, help="Keep the run folders in DIR.")
    parser.add_argument(
        "--json",
        action="store_true",
        help="Print the results as JSON, and nothing else on standard output.",
    )


def run(options: argparse.Namespace) -> int:
    """Run them all; 1 if one is not called what it is."""
    from ..experiment.selftest import chosen, line, matrix, run_cells
    from ..record.store import made

    specs = chosen(options.only)
    if options.out:
        made(options.out)
    cells = []
    with tempfile.TemporaryDirectory() as scratch:
        for cell in run_cells(specs, options.out or Path(scratch), options.parallel):
            cells.append(cell)
            tell(line(cell))
    if options.json:
        print(json.dumps([asdict(cell) for cell in cells], indent=2))
    else:
        print(matrix(cells))
    return int(any(cell.wrong for cell in cells))
