"""Short runs in this process, and what objgraph finds of them afterwards, as JSON."""

from __future__ import annotations

import asyncio
import gc
import inspect
import json
import sys
from contextlib import redirect_stdout
from pathlib import Path

import objgraph

from harness.cli import main
from harness.record.record import RunRecord
from harness.sessions.session import Session
from harness.target.probe_client import ProbeLink

OURS = (RunRecord, Session, ProbeLink, asyncio.Task)
ROUNDS = 3


def chains_to(kind: type) -> list[list[str]]:
    """What keeps each living object of a type, from a module down to it."""
    gc.collect()
    found = objgraph.by_type(f"{kind.__module__}.{kind.__qualname__}")
    chains = (objgraph.find_backref_chain(item, inspect.ismodule) for item in found)
    return [[type(link).__qualname__ for link in chain] for chain in chains]


def run_once(folder: Path) -> None:
    """A run of one session against the embedded server."""
    with redirect_stdout(sys.stderr):
        main(["run", "--once", "--out", str(folder)])
    gc.collect()


if __name__ == "__main__":
    base = Path(sys.argv[1])
    run_once(base / "first")
    objgraph.growth(limit=None)
    for number in range(ROUNDS):
        run_once(base / str(number))
    grown = {name: count for name, _, count in objgraph.growth(limit=None)}
    kept = {kind.__name__: chains_to(kind) for kind in OURS}
    print(json.dumps({"grown": grown, "kept": kept, "rounds": ROUNDS}))
