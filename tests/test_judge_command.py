"""`leak-harness judge` as a script calls it."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.cli import main

SERIES = Path(__file__).parent / "data" / "series"
HEADER = "cycle,rss,uss,blocks,malloc_in_use,gc_objects,tasks"


def stored(folder: Path, per_session: int, name: str = "one.csv") -> Path:
    """A series of 200 sessions that grows by so much."""
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    rows = [f"{n},{8_000_000 + per_session * n},{5_000_000 + per_session * n},,,," for n in range(450)]
    path.write_text("\n".join([HEADER, *rows]))
    return path


def test_each_series_is_a_line_and_any_verdict_is_success(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
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
    assert [line.split(",")[0] for line in capsys.readouterr().out.splitlines()[1:]] == [str(path) for path in paths]


def test_heap_growth_that_cannot_be_told_apart_is_called_fragmentation(capsys: pytest.CaptureFixture[str]) -> None:
    main(["judge", *map(str, sorted(SERIES.glob("*frag*probe*.csv"))[:1])])
    assert capsys.readouterr().out.splitlines()[1].endswith(",fragmentation")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "header"),
        (f"{HEADER}\n0,1,1,,,,\n1,x,1,,,,", "line 3: could not convert string to float: 'x'"),
        (f"{HEADER}\n0,1,1,,,,", "must count the sessions"),
        (None, "cannot be read: No such file"),
    ],
)
def test_one_bad_file_is_named_and_nothing_is_decided(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None, says: str
) -> None:
    bad = tmp_path / "bad.csv"
    if text is not None:
        bad.write_text(text)
    assert main(["judge", str(stored(tmp_path, 0)), str(bad)]) == 2
    said = capsys.readouterr()
    assert says in said.err
    assert str(bad) in said.err
    assert said.out == ""
