"""The harness leaks nothing itself: objgraph looks at what a run leaves in this process."""

from __future__ import annotations

import asyncio
import gc
import inspect
from pathlib import Path

import objgraph
import pytest

from harness.cli import main
from harness.record.record import RunRecord
from harness.sessions.session import Session
from harness.target.probe_client import ProbeLink

OURS = (RunRecord, Session, ProbeLink, asyncio.Task)
ROUNDS = 3
BOUNDED = frozenset(("SplitResult",))
"""urllib keeps the last 128 addresses that it took apart; each run has another port."""


def survivors(kind: type) -> list[object]:
    """Living objects of a type, by objgraph."""
    gc.collect()
    return list(objgraph.by_type(f"{kind.__module__}.{kind.__qualname__}"))


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """What grew from the first round of short runs to the last, by type."""
    folder = tmp_path_factory.mktemp("runs")
    run_once(folder / "first")
    objgraph.growth(limit=None)
    for number in range(ROUNDS):
        run_once(folder / str(number))
    grown = {name: count for name, _, count in objgraph.growth(limit=None)}
    return {name: count for name, count in grown.items() if name not in BOUNDED}


def run_once(folder: Path) -> None:
    """A run of one session against the embedded server."""
    main(["run", "--once", "--out", str(folder)])
    gc.collect()


@pytest.mark.parametrize("kind", OURS)
def test_no_record_session_link_or_task_survives_a_run(kind: type, left: dict[str, int]) -> None:
    chains = [objgraph.find_backref_chain(item, inspect.ismodule) for item in survivors(kind)]
    assert chains == []


def test_no_type_grows_with_the_runs(left: dict[str, int]) -> None:
    assert {name: grown for name, grown in left.items() if grown >= ROUNDS * 2} == {}
