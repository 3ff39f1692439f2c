"""`leak-harness judge` as a script calls it."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.cli import main

RUNS = Path(__file__).parents[1] / "data"
SERIES = RUNS / "series"
MIB = 2**20
HEADER = "cycle,rss,uss,blocks,malloc_in_use,gc_objects,tasks"


def stored(folder: Path, per_session: int, name: str = "one.csv") -> Path:
    """A series of 200 sessions that grows by so much."""
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    rows = [
        f"{n},{8_000_000 + per_session * n},{5_000_000 + per_session * n},,,," for n in range(450)
    ]
    path.write_text("\n".join([HEADER, *rows]))
    return path


def test_each_series_is_a_line_and_any_verdict_is_success(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flat, leak = stored(tmp_path, 0, "flat.csv"), stored(tmp_path, 65_536, "leak.csv")
    assert main(["judge", str(flat), str(leak)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "file,verdict,sessions,kind",
        "flat.csv,flat,96,flat",
        "leak.csv,leak,200,unattributed",
    ]


def test_files_of_the_same_name_are_told_apart_by_their_folders(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [stored(tmp_path, 0, "a/one.csv"), stored(tmp_path, 0, "b/one.csv")]
    main(["judge", *map(str, paths)])
    assert [line.split(",")[0] for line in capsys.readouterr().out.splitlines()[1:]] == [
        str(path) for path in paths
    ]


def test_heap_growth_that_cannot_be_told_apart_is_called_fragmentation(
    capsys: pytest.CaptureFixture[str],
) -> None:
    main(["judge", *map(str, sorted(SERIES.glob("*frag*probe*.csv"))[:1])])
    assert capsys.readouterr().out.splitlines()[1].endswith(",fragmentation")


def judged(capsys: pytest.CaptureFixture[str], *paths: Path) -> tuple[int, list[str], list[str]]:
    """The status, what was decided, and what was said beside."""
    status = main(["judge", *map(str, paths)])
    said = capsys.readouterr()
    return status, said.out.splitlines()[1:], said.err.splitlines()


@pytest.mark.parametrize(
    "text", ["", "file,expected\nflat.csv,FLAT", " cycle,rss\n0,1", "<!doctype html>", "{}"]
)
def test_a_file_that_is_no_series_is_named_and_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    other = tmp_path / "labels.csv"
    other.write_text(text)
    status, decided, said = judged(capsys, stored(tmp_path, 0), other)
    assert (status, decided) == (0, ["one.csv,flat,96,flat"])
    (line,) = said
    assert line.startswith(
        f"leak-harness: left out: {other} is not a series: no column `cycle` or `rss`"
    )
    assert judged(capsys, other)[0] == 2  # nothing was decided


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"{HEADER}\n0,1,1,,,,\n1,x,1,,,,", "line 3: could not convert string to float: 'x'"),
        (f"{HEADER}\n0,1,1,,,,", "must count the sessions"),
        (f"{HEADER}\n0,1,1,,,,\n1,{'1' * 200_000}", "field larger than field limit"),
        (None, "cannot be read: No such file"),
    ],
)
def test_a_series_that_cannot_be_judged_is_named_and_fails_once_the_others_are_decided(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None, says: str
) -> None:
    bad = tmp_path / "bad.csv"
    if text is not None:
        bad.write_text(text)
    status, decided, (line,) = judged(capsys, stored(tmp_path, 0), bad)
    assert (status, decided) == (2, ["one.csv,flat,96,flat"])
    assert says in line
    assert str(bad) in line


def test_a_series_that_a_spreadsheet_has_written_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = stored(tmp_path, 0)
    path.write_text(path.read_text(), encoding="utf-8-sig")
    assert judged(capsys, path) == (0, ["one.csv,flat,96,flat"], [])


def why(capsys: pytest.CaptureFixture[str], *paths: Path) -> str:
    """What `--why` prints."""
    assert main(["judge", *map(str, paths), "--why"]) == 0
    return capsys.readouterr().out


def test_why_a_leak_was_called_is_an_argument_with_its_numbers(
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = why(capsys, RUNS / "runs" / "leak.jsonl")
    assert told.splitlines()[1].startswith("LEAK: tasks grow by 2 per session")
    tasks = told.partition("\ntasks: leak\n")[2].partition("\n\n")[0]
    assert "tasks, decided by metric.leak-after-wait" in tasks
    assert "limit per session 0.02, sessions 40" in tasks
    assert "remaining per session 2" in " ".join(tasks.split())
    assert "metric.released-by-wait" in tasks
    assert told.splitlines()[3:5] == ["verdict: leak", "  decided by verdict.leak"]


def test_the_gates_that_decided_come_first_and_those_alike_are_told_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = why(capsys, RUNS / "runs" / "leak.jsonl")
    titles = [line for line in told.splitlines() if line and ":" in line and line[0] != " "]
    assert [title.partition(":")[2].strip() for title in titles[2:-1]] == [
        "leak",
        "drift",
        *["inconclusive"] * 5,
        *["not-measured"] * 3,
    ]
    assert "threads, descriptors: inconclusive" in titles
    alike = told.partition("\nthreads, descriptors: inconclusive\n")[2].partition("\n\n")[0]
    assert alike.count("Growth by more than the limit can neither be shown nor excluded") == 1


def test_the_sentence_of_a_rule_that_did_not_apply_stands_once_at_the_end(
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = why(capsys, RUNS / "runs" / "leak.jsonl")
    argument, _, sentences = told.partition("The rules that did not apply:\n")
    assert "verdict.interrupted; verdict.met-a-bound" in argument
    assert "  verdict.interrupted: The user stopped the run: interrupted.\n" in sentences
    assert sentences.count("  metric.wait-due:") == 1
    assert max(map(len, told.splitlines()[2:])) <= 100


def test_why_a_run_that_fills_is_flat_names_what_fills(capsys: pytest.CaptureFixture[str]) -> None:
    memory = why(capsys, RUNS / "corpus" / "fastapi-history.jsonl").partition("\nmemory: flat\n")[2]
    assert "decided by memory.malloc-grows" in memory
    decision = " ".join(memory.partition("decided by memory.filling\n")[2].split())
    assert decision.startswith("Less 1.5 times what containers with a maximum take")
    assert "filling per session 2.18KiB, limit 1KiB" in decision


def test_why_a_series_is_fragmented_gives_the_growth_and_the_free_memory(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "heap.csv"
    head = "cycle,rss,uss,blocks,malloc_in_use,malloc_system"
    rows = [
        f"{n},{8 * MIB + 8192 * n},{5 * MIB + 8192 * n},90000,{MIB},{2 * MIB + 8192 * n}"
        for n in range(200)
    ]
    path.write_text("\n".join([head, *rows]))
    told = why(capsys, path)
    decision = told.partition("decided by memory.fragmentation\n")[2].partition("did not")[0]
    assert "At least half of what RSS grew by is free memory" in decision
    assert "tail growth" in decision
    assert "tail free growth" in decision


def test_a_run_that_is_not_there_has_no_argument(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["judge", str(tmp_path / "nowhere"), "--why"]) == 2
    assert "left out" in capsys.readouterr().err
