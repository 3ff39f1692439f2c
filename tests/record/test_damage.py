"""Files that are damaged: one clear line each, and the good ones next to them are read."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from command import done
from server_scripts import ECHO, ECHO_SCENARIO, written

from harness.across_runs.bisection import read_state
from harness.errors import ConfigInvalid, RecordDamaged, RecordError, RecordNotWritable
from harness.experiment.config import find_config
from harness.record.lines import Incident, RestSample, decode_line, encode_line
from harness.record.store import RunFolder, alone_in, load_record, write_whole
from harness.units import parse_size

STORED = Path(__file__).parents[1] / "data" / "runs" / "flat.jsonl"


def _run(folder: Path, data: bytes) -> Path:
    folder.mkdir()
    (folder / "run.jsonl").write_bytes(data)
    return folder


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data.replace(b'"rest"', b'"\xff\xfe"', 1),
        lambda data: data.replace(b'"line":"ready"', b'"line":["ready"]', 1),
        lambda data: data.replace(b'"rss":', b'"rss":NaN,"x":', 1),
        lambda data: data.replace(b'"rss":', b'"rss":null,"x":', 1),
        lambda data: data.replace(b'"cycle":', b'"cycle":' + b"9" * 30 + b',"x":', 1),
        lambda data: data.replace(b"\n", b"\n" + b"[" * 100_000 + b"\n", 1),
        lambda data: b"",
        lambda data: data[:40],
        lambda data: data.replace(b'"schema":1', b'"schema":99', 1),
        lambda data: b"\x00" * 100,
    ],
    ids=["byte", "type", "nan", "null", "huge", "deep", "empty", "cut", "schema", "zeros"],
)
def test_a_damaged_record_is_one_error_and_the_next_run_is_drawn(
    tmp_path: Path, damage: object
) -> None:
    data = STORED.read_bytes()
    bad = damage(data)  # type: ignore[operator]
    assert bad != data
    _run(tmp_path / "a-bad", bad)
    _run(tmp_path / "b-good", data)
    with pytest.raises(RecordError):
        load_record(tmp_path / "a-bad")
    told = done(tmp_path, "report", "a-bad", "b-good")
    assert "Traceback" not in told.stderr
    assert "a-bad" in told.stderr
    assert (tmp_path / "b-good" / "report.html").exists()


def test_a_record_is_valid_json_whatever_was_read() -> None:
    values = {"rss": float("nan"), "uss": 5.0, "pss": float("inf")}
    line = encode_line(RestSample(1, 1, 1.0, settled=True, settle_s=0.0, values=values))
    assert b"null" not in line
    sample = decode_line(line)
    assert isinstance(sample, RestSample)
    assert sample.values == {"uss": 5.0}
    assert decode_line(encode_line(Incident(1.0, "what"))) == Incident(1.0, "what")


@pytest.mark.parametrize("text", ["{", '{"good": 1}', "\xff", "[" * 100_000, ""])
def test_a_damaged_state_of_a_bisect_is_told_in_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bisect.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(RecordDamaged, match="is damaged") as told:
        read_state(path)
    assert len(told.value.what.splitlines()) == 1


def test_a_damaged_row_of_the_history_does_not_stop_the_others(tmp_path: Path) -> None:
    for name in ("one", "two"):
        started = f'"started_at":"{name}'.encode()
        _run(tmp_path / name, STORED.read_bytes().replace(b'"started_at":"', started, 1))
    assert done(tmp_path, "history", "one", "two", "--db", "h.sqlite").returncode == 0
    with sqlite3.connect(tmp_path / "h.sqlite") as database:
        database.execute("UPDATE runs SET findings = '[[[' WHERE folder LIKE '%one'")
    database.close()
    told = done(tmp_path, "history", "--db", "h.sqlite", "--json")
    assert told.returncode == 0, told.stderr
    assert "a row of the history is damaged" in told.stderr
    assert json.loads(told.stdout)["runs"] == 1


def test_settings_that_are_nested_too_deeply_are_told(tmp_path: Path) -> None:
    (tmp_path / "leak-harness.toml").write_text("a = " + "[" * 5000 + "]" * 5000)
    with pytest.raises(ConfigInvalid, match="nested too deeply"):
        find_config(tmp_path)


def test_a_size_of_400_digits_is_no_size() -> None:
    with pytest.raises(ValueError, match="too large"):
        parse_size("9" * 400)


def test_a_device_a_pipe_or_a_folder_is_never_replaced_by_a_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "folder"):
        with pytest.raises(RecordNotWritable, match="is not a regular file"):
            write_whole(tmp_path / name, b"text")
    assert (tmp_path / "pipe").is_fifo()
    with pytest.raises(RecordNotWritable, match="is not a regular file"):
        write_whole(Path("/dev/null"), b"text")


def test_a_folder_in_which_a_run_writes_is_refused_to_a_second(tmp_path: Path) -> None:
    running = RunFolder(tmp_path / "out")
    with (
        pytest.raises(RecordNotWritable, match="another run is writing"),
        alone_in(tmp_path / "out"),
    ):
        pass
    running.close()
    with (
        alone_in(tmp_path / "out"),
        pytest.raises(RecordNotWritable),
        alone_in(tmp_path / "out"),
    ):
        pass


@pytest.mark.slow
def test_two_calls_of_ci_in_one_folder_do_not_mix(tmp_path: Path) -> None:
    (tmp_path / "echo.py").write_text(ECHO_SCENARIO)
    words = [sys.executable, "-m", "harness", "ci", "echo.py", "--protocol", "plain"]
    words += ["--grace", "0s", "--no-explain", "--serve", written(tmp_path, ECHO)]
    calls = [
        subprocess.Popen(
            [*words, "--cycles", cycles], cwd=tmp_path, stderr=subprocess.PIPE, text=True
        )
        for cycles in ("3", "4")
    ]
    said = [call.communicate(timeout=100)[1] for call in calls]
    assert sorted(call.returncode for call in calls) == [2, 3], said
    result = json.loads((tmp_path / "leak-report" / "result.json").read_text())
    assert result["cycles"] == len(load_record(tmp_path / "leak-report").cycles)
    shutil.rmtree(tmp_path / "leak-report")
