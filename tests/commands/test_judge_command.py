"""`leak-harness judge` as a script calls it."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.cli import main

SERIES = Path(__file__).parents[1] / "data" / "series"
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
        f"leak-harness: left out: {other} is no series: no column `cycle` or `rss`"
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
