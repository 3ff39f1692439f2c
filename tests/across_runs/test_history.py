"""Runs over time: steps that are found, noise that is none, and many writers at once."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import command
import numpy as np
import pytest
from record_builder import KIB, MIB
from server_scripts import ECHO, ECHO_SCENARIO, written

from harness.across_runs.change_points import change_points, findings_since
from harness.across_runs.history import History, HistoryRun, server_of
from harness.errors import RecordNotWritable
from harness.experiment.histories import MIN_STEPS, steps_of
from harness.record.record import Line, RestSample, RunStarted, decode_line, encode_line
from harness.reporters.history_page import ticks
from harness.units import format_size

FLAT = Path(__file__).parents[1] / "data" / "runs" / "flat.jsonl"


def noisy(
    runs: int, seed: int, *, noise: float = 200.0
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return 300 + noise * np.random.default_rng(seed).standard_normal(runs)


@pytest.mark.parametrize("at", [10, 30, 52])
@pytest.mark.parametrize("seed", range(5))
def test_a_step_of_2_kib_in_60_runs_is_found_within_one_run(at: int, seed: int) -> None:
    series = noisy(60, seed)
    series[at:] += 2 * KIB
    (change,) = change_points(series.tolist(), 512)
    assert abs(change.at - at) <= 1
    assert change.confirmed
    assert change.after - change.before == pytest.approx(2 * KIB, rel=0.2)


def test_several_steps_up_and_down_are_told_apart() -> None:
    series = noisy(90, 3)
    series[20:] += 4 * KIB
    series[50:] -= 2 * KIB
    series[70:] += 3 * KIB
    assert [step.at for step in change_points(series.tolist(), 512)] == [20, 50, 70]


def test_200_histories_without_a_step_raise_no_alarm() -> None:
    heavy = [300 + 150 * np.random.default_rng(seed).standard_t(3, 60) for seed in range(100)]
    calm = [noisy(60, seed, noise=900) for seed in range(100)]
    alarms = [
        change
        for series in (*heavy, *calm)
        for change in change_points(series.tolist(), 512)
        if change.confirmed
    ]
    assert alarms == []


def test_one_run_that_stands_out_is_no_level() -> None:
    series = noisy(40, 1)
    series[20] += 50 * KIB
    assert change_points(series.tolist(), 512) == []


def test_a_step_in_the_last_run_alone_is_only_suspected() -> None:
    series = noisy(40, 1)
    series[-1] += 50 * KIB
    (change,) = change_points(series.tolist(), 512)
    assert (change.at, change.confirmed) == (39, False)


def entry(number: int) -> HistoryRun:
    at = f"2026-01-{number // 24 + 1:02}T{number % 24:02}:00:00Z"
    return HistoryRun(
        f"{number:016}",
        at,
        f"c{number}",
        "plain-chat",
        "embedded",
        "flat",
        110,
        1.0,
        2.0,
        0.1,
        0.0,
        {},
        "",
    )


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


def stored(folder: Path, growths: Sequence[float], **started: Any) -> None:
    """Run folders made from a run that was real and flat, each of a commit of its own that grows
    by so many bytes.
    """
    lines = [decode_line(line) for line in FLAT.read_bytes().splitlines()]
    for number, growth in enumerate(growths):
        at = f"2025-{number // 28 + 1:02}-{number % 28 + 1:02}T00:00:00Z"
        place = folder / f"run-{number:02}"
        place.mkdir(parents=True)
        text = b"".join(
            encode_line(
                altered(
                    line,
                    growth,
                    {"started_at": at, "environment": {"commit": f"{number:040}"}} | started,
                )
            )
            for line in lines
        )
        (place / "run.jsonl").write_bytes(text)


def altered(line: Line, growth: float, started: Mapping[str, Any]) -> Line:
    if isinstance(line, RunStarted):
        return replace(line, **started)
    if isinstance(line, RestSample):
        grown = {
            name: line.values[name] + growth * line.sessions
            for name in ("rss", "uss", "malloc_in_use")
        }
        return replace(line, values={**line.values, **grown})
    return line


def history(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return command.done(folder, "history", *words, "--json")


@pytest.mark.slow
def test_60_run_folders_become_a_history_with_the_commit_that_brought_2_kib_a_session(
    tmp_path: Path,
) -> None:
    growths = noisy(60, 3)
    growths[37:] += 2 * KIB
    stored(tmp_path / "runs", growths.tolist())
    done = history(tmp_path, "runs")
    assert done.returncode == 1, done.stderr
    answer = json.loads(done.stdout)
    (step,) = answer["steps"]["growth_bytes"]
    assert abs(int(step["revision"]) - 37) <= 1
    assert step["after"] - step["before"] == pytest.approx(2 * KIB, rel=0.2)
    assert [answer["steps"][name] for name in ("rest_bytes", "reply_s", "idle_cpu_percent")] == [
        [],
        [],
        [],
    ]
    again = history(
        tmp_path, "runs/run-59", "--out", "page"
    )  # a run that is added again is the same
    assert json.loads(again.stdout) == {**answer, "runs": 60}
    assert {path.name for path in (tmp_path / "page").iterdir()} == {
        "history.html",
        "history.md",
        "history.png",
    }
    assert f"commit {step['revision'][:10]}" in (tmp_path / "page" / "history.html").read_text()


def test_a_record_that_is_damaged_is_told_and_the_others_are_a_history(tmp_path: Path) -> None:
    stored(tmp_path / "runs", [0.0] * 3)
    (tmp_path / "runs" / "run-01" / "run.jsonl").write_text("{}\n{}\n")
    done = history(tmp_path, "runs")
    assert "left out" in done.stderr
    assert json.loads(done.stdout)["runs"] == 2


def test_a_blame_is_no_run_of_a_history(tmp_path: Path) -> None:
    stored(tmp_path / "runs", [0.0] * 3)
    (tmp_path / "runs" / "run-01" / "blame.json").write_text("{}")
    assert json.loads(history(tmp_path, "runs").stdout)["runs"] == 2


def test_a_history_without_a_step_is_status_0_and_a_folder_without_runs_is_told(
    tmp_path: Path,
) -> None:
    stored(tmp_path / "runs", noisy(9, 4).tolist())
    assert history(tmp_path, "runs").returncode == 0
    (tmp_path / "runs" / "empty").mkdir()
    done = history(tmp_path, "runs/empty")
    assert (done.returncode, "holds no run" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("target", "server"),
    [
        (
            {
                "mode": "embedded",
                "command": "/v/python /x/chat_server --port 10807 --agent-size 1MiB --fault slow",
            },
            "embedded --agent-size 1MiB --fault slow",
        ),
        (
            {
                "mode": "serve",
                "command": "uvicorn app:app --port 2041",
                "url": "ws://127.0.0.1:2041/ws",
            },
            "uvicorn app:app --port {port}",
        ),
        (
            {"mode": "serve", "command": "app -p20 --at 120", "url": "ws://127.0.0.1:20/"},
            "app -p{port} --at 120",
        ),
        (
            {"mode": "pid", "pid": "77", "command": "", "url": "ws://127.0.0.1:8000/ws"},
            "pid ws://127.0.0.1/ws",
        ),
        (
            {"mode": "metrics_url", "url": "wss://chat.example/ws"},
            "metrics_url wss://chat.example/ws",
        ),
        ({"mode": "pid", "url": "ws://127.0.0.1:many/"}, "pid"),
    ],
)
def test_a_server_is_called_the_same_from_run_to_run(target: dict[str, str], server: str) -> None:
    assert server_of(target) == server


@pytest.mark.slow
def test_runs_of_two_servers_under_one_scenario_are_told_apart(tmp_path: Path) -> None:
    growths = noisy(20, 3)
    for number, name in enumerate(("old", "new")):
        target = {
            "mode": "serve",
            "command": f"{name} --port 2{number}00",
            "url": f"ws://127.0.0.1:2{number}00/",
        }
        stored(tmp_path / name, (growths + number * 8 * KIB).tolist(), target=target)
    first = history(tmp_path, "old", "new")
    answer = json.loads(first.stdout)
    assert (first.returncode, answer["runs"]) == (0, 40), first.stderr
    assert not any(answer["steps"].values())  # 8 KiB apart, and both level
    stored(tmp_path / "later", [20 * KIB], target=target, started_at="2026-01-01T00:00:00Z")
    second = history(tmp_path, "later", "--out", "page")
    (step,) = json.loads(second.stdout)["steps"]["growth_bytes"]
    assert (step["target"], step["at"], step["confirmed"]) == ("new --port {port}", 40, False)
    for name in ("history.md", "history.html"):
        text = (tmp_path / "page" / name).read_text()
        assert "suspected: new --port {port}: memory per session" in text
        assert text.count("old --port {port}") >= 8
    alone = history(tmp_path, "--target", "old")
    assert json.loads(alone.stdout)["runs"] == 20


def test_the_history_fits_80_columns(tmp_path: Path) -> None:
    target = {"mode": "serve", "command": f"python {'long/' * 30}app.py"}
    stored(tmp_path / "runs", [0.0] * 3, target=target)
    done = command.done(tmp_path, "history", "runs", "--db", "h.sqlite")
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "verdict" in done.stdout


@pytest.mark.parametrize("values", [[18.0, 18.2, 18.4], [1000.0, 1000.001]])
def test_the_ticks_of_an_axis_differ(values: list[float]) -> None:
    labels = ticks([value * MIB for value in values], lambda value: format_size(round(value, -6)))
    assert len(set(labels)) == len(values)


def test_no_figure_of_20_histories_without_a_step_raises_an_alarm() -> None:
    for seed in range(20):
        chance = np.random.default_rng(seed)
        noise = [chance.standard_normal(60) for _ in MIN_STEPS]
        entries = [
            replace(
                entry(at),
                growth_bytes=300 + 200 * noise[0][at],
                rest_bytes=50 * MIB * (1 + 0.01 * noise[1][at]),
                reply_s=0.05 * float(np.exp(0.2 * noise[2][at])),
                idle_cpu_percent=0.3 + 0.1 * abs(noise[3][at]),
            )
            for at in range(60)
        ]
        confirmed = [
            step for name in MIN_STEPS for step in steps_of(entries, name) if step.confirmed
        ]
        assert confirmed == []


@pytest.mark.slow
def test_what_the_last_run_makes_suspect_is_run_again_before_there_is_an_alarm(
    tmp_path: Path,
) -> None:
    keeps = ECHO.replace(
        "await connection.send", "kept.append(bytearray(2**20)); await connection.send"
    )
    (tmp_path / "echo.py").write_text(ECHO_SCENARIO)
    serve = written(tmp_path, f"kept = []\n{keeps}")
    words = (
        f"echo.py --protocol plain --serve '{serve}' --cycles 4 --sessions 1 --no-explain --grace 0"
    )
    target = {"mode": "serve", "command": serve, "command_line": f"leak-harness run {words}"}
    started = {"scenario": "echo", "environment": {}, "target": target}
    stored(tmp_path / "runs", [0.0] * 9 + [1.0 * MIB], **started)
    suspected = history(tmp_path, "runs")
    assert (
        suspected.returncode,
        json.loads(suspected.stdout)["steps"]["growth_bytes"][0]["confirmed"],
    ) == (0, False)
    confirmed = history(tmp_path, "--confirm")
    assert confirmed.stdout, confirmed.stderr
    answer = json.loads(confirmed.stdout)
    assert (confirmed.returncode, answer["runs"], answer["steps"]["growth_bytes"][0]["at"]) == (
        1,
        12,
        9,
    ), confirmed.stderr


def test_a_finding_is_new_known_or_fixed_by_its_fingerprint() -> None:
    assert findings_since([{"a": "A"}]) == {}
    runs = [{"a": "A", "b": "B"}, {"b": "B", "c": "C"}, {"a": "A", "c": "C", "d": "D"}]
    assert findings_since(runs) == {
        "new": {"d": "D"},
        "known": {"a": "A", "c": "C"},
        "fixed": {"b": "B"},
    }
