"""Runs over time: steps that are found, noise that is none, and many writers at once."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from scripted import KIB, Script, memory

from harness.changes import changes
from harness.errors import RecordNotWritable
from harness.history import Entry, History
from harness.record import encode_line


def noisy(runs: int, seed: int, *, noise: float = 200.0) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return 300 + noise * np.random.default_rng(seed).standard_normal(runs)


@pytest.mark.parametrize("at", [10, 30, 52])
@pytest.mark.parametrize("seed", range(5))
def test_a_step_of_2_kib_in_60_runs_is_found_within_one_run(at: int, seed: int) -> None:
    series = noisy(60, seed)
    series[at:] += 2 * KIB
    (found,) = changes(series.tolist(), 512)
    assert abs(found.at - at) <= 1
    assert found.confirmed
    assert found.after - found.before == pytest.approx(2 * KIB, rel=0.2)


def test_200_histories_without_a_step_raise_no_alarm() -> None:
    heavy = [300 + 150 * np.random.default_rng(seed).standard_t(3, 60) for seed in range(100)]
    calm = [noisy(60, seed, noise=900) for seed in range(100)]
    alarms = [one for series in (*heavy, *calm) for one in changes(series.tolist(), 512) if one.confirmed]
    assert alarms == []


def test_one_run_that_stands_out_is_no_level() -> None:
    series = noisy(40, 1)
    series[20] += 50 * KIB
    assert changes(series.tolist(), 512) == []


def test_a_step_in_the_last_run_alone_is_only_suspected() -> None:
    series = noisy(40, 1)
    series[-1] += 50 * KIB
    (found,) = changes(series.tolist(), 512)
    assert (found.at, found.confirmed) == (39, False)


def entry(number: int) -> Entry:
    at = f"2026-01-{number // 24 + 1:02}T{number % 24:02}:00:00Z"
    return Entry(f"{number:016}", at, f"c{number}", "plain-chat", "embedded", "flat", 110, 1.0, 2.0, 0.1, 0.0, {}, "")


def _write(arguments: tuple[str, int]) -> None:
    path, writer = arguments
    for number in range(20):
        History(Path(path)).add([entry(writer * 20 + number)])


def test_eight_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "reports" / "history.sqlite"
    with ProcessPoolExecutor(8) as pool:
        list(pool.map(_write, [(str(path), writer) for writer in range(8)]))
    assert len(History(path).entries()) == 160


def test_a_file_that_is_no_history_is_told(tmp_path: Path) -> None:
    (tmp_path / "no.sqlite").write_text("this is a letter, and no database at all")
    with pytest.raises(RecordNotWritable, match=r"no\.sqlite"):
        History(tmp_path / "no.sqlite")


def stored(folder: Path, growths: Sequence[float]) -> None:
    """Run folders that grow by so many bytes a session."""
    for number, growth in enumerate(growths):
        place = folder / f"run-{number:02}"
        place.mkdir(parents=True)
        lines = list(Script(memory(growth)).lines(24))
        text = b"".join(map(encode_line, lines)).replace(
            b"2025-01-01T00:00:00Z", f"2026-01-{number + 1:02}T00:00:00Z".encode()
        )
        (place / "run.jsonl").write_bytes(text)


def history(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "harness", "history", *words, "runs", "--json"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def test_run_folders_become_a_history_with_its_step(tmp_path: Path) -> None:
    stored(tmp_path / "runs", [0.0] * 10 + [4 * KIB] * 5)
    for _ in range(2):  # the same runs, added again, are the same
        done = history(tmp_path)
        assert done.returncode == 1, done.stderr
        told = json.loads(done.stdout)
        assert told["runs"] == 15
        assert [one["at"] for one in told["steps"]["growth_bytes"]] == [10]
    assert "memory per session: 0B → 4KiB" in (tmp_path / "reports" / "history.html").read_text()
    assert (tmp_path / "reports" / "history.png").read_bytes().startswith(b"\x89PNG")
    assert "memory per session: 0B → 4KiB" in (tmp_path / "reports" / "history.md").read_text()


def test_a_history_without_a_step_is_status_0_and_a_folder_without_runs_is_told(tmp_path: Path) -> None:
    stored(tmp_path / "runs", [0.0] * 9)
    assert history(tmp_path).returncode == 0
    (tmp_path / "runs" / "empty").mkdir()
    done = history(tmp_path, "runs/empty")
    assert (done.returncode, "holds no run" in done.stderr) == (2, True)
