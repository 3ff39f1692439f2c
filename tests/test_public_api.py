"""What a program imports from `leak_harness`."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from server_scripts import ECHO, ECHO_SCENARIO, written

import harness
from harness import (
    ConnectionOptions,
    LoadOptions,
    MeasurementOptions,
    OutputOptions,
    PolicyOptions,
    RunOptions,
    Serve,
)
from harness.errors import RecordNotWritable, ScenarioNotFound, UsageError


def short(folder: Path) -> RunOptions:
    """Two cycles against an echo server."""
    (folder / "echo.py").write_text(ECHO_SCENARIO)
    return RunOptions(
        f"{folder}/echo.py",
        target=Serve(written(folder, ECHO)),
        connection=ConnectionOptions(protocol="plain"),
        load=LoadOptions(cycles=2),
        measurement=MeasurementOptions(explain=False),
        policy=PolicyOptions(grace_s=0.0),
        output=OutputOptions(out=folder / "out"),
    )


def test_every_public_name_is_there_and_no_other_is_public() -> None:
    assert len({*harness.__all__}) == len(harness.__all__)
    for name in {*harness.__all__} - {"Exchange"}:  # an alias of a type has no docstring
        assert getattr(harness, name).__doc__, name
    assert {*harness.__all__} == {*harness._HOMES}
    with pytest.raises(AttributeError, match="no attribute 'runn'"):
        _ = harness.runn


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = "import sys, harness; print({'asyncio', 'numpy', 'msgspec'} & {*sys.modules})"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"


def test_a_run_comes_back_with_its_record_its_verdict_and_its_folder(tmp_path: Path) -> None:
    random.seed(3)
    before = random.getstate()
    run = harness.run(short(tmp_path))
    assert (run.verdict.name, run.is_flat, run.exit_status) == ("inconclusive", False, 3)
    assert (run.record.sessions, run.findings, run.unwritten) == (2, (), {})
    assert (run.folder, run.report.exists()) == (tmp_path / "out", True)
    assert run.record.started.target["command_line"] == "leak_harness.run"
    assert random.getstate() == before
    stored = harness.load(run.folder)
    assert isinstance(stored, harness.Record)
    assert harness.judge(stored).verdict == run.verdict


def test_a_run_is_possible_where_a_loop_runs_in_this_thread_and_in_another(
    tmp_path: Path,
) -> None:
    async def of_a_program() -> harness.Run:
        return harness.run(short(tmp_path))

    loop = asyncio.new_event_loop()
    other = threading.Thread(target=loop.run_forever)
    other.start()
    try:
        assert asyncio.run(of_a_program()).record.sessions == 2
    finally:
        loop.call_soon_threadsafe(loop.stop)
        other.join()
        loop.close()


def test_what_cannot_be_run_is_an_error_and_no_exit(tmp_path: Path) -> None:
    with pytest.raises(ScenarioNotFound):
        harness.run(RunOptions("no-such-scenario"))
    with pytest.raises(UsageError, match="--serve is empty"):
        harness.run(RunOptions("plain-request", target=Serve("")))
    (tmp_path / "out").write_text("")
    with pytest.raises(RecordNotWritable, match="is a file"):
        harness.run(short(tmp_path))


def test_a_program_hears_of_each_cycle_and_of_each_of_several_runs(tmp_path: Path) -> None:
    options = short(tmp_path)
    lines: list[str] = []
    cycles: list[int] = []
    harness.run(
        RunOptions(
            options.scenario,
            target=options.target,
            connection=options.connection,
            load=LoadOptions(cycles=1, runs=2),
            measurement=options.measurement,
            output=options.output,
        ),
        announce=lambda record, judgement: cycles.append(len(record.cycles)),
        tell=lines.append,
    )
    assert [line.partition(":")[0] for line in lines] == ["run-1", "run-2"]
    assert sorted({*cycles}) == [0, 1]
