from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.errors import NotARun, RecordDamaged, RecordError, RecordNotWritable, UnknownSchema
from harness.record.policy import Policy
from harness.record.record import Incident, RunStarted
from harness.record.store import RunFolder, dated, load_record

STARTED = RunStarted("plain-chat", {}, Policy(), {}, "2026-01-01T00:00:00Z")


def _written(path: Path) -> Path:
    folder = RunFolder(path)
    folder.append(STARTED)
    folder.append(Incident(1.0, "something"))
    folder.close()
    return path


def test_a_record_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    record = load_record(_written(tmp_path / "run"))
    assert record.started == STARTED
    assert record.incidents == [Incident(1.0, "something")]


def test_a_last_line_that_was_cut_short_is_left_out(tmp_path: Path) -> None:
    lines = _written(tmp_path / "run") / "run.jsonl"
    lines.write_bytes(lines.read_bytes()[:-10])
    assert load_record(tmp_path / "run").incidents == []


def test_damage_before_the_last_line_is_an_error(tmp_path: Path) -> None:
    lines = _written(tmp_path / "run") / "run.jsonl"
    first, *others = lines.read_bytes().splitlines(keepends=True)
    lines.write_bytes(b"".join([first, b"{}\n", *others]))
    with pytest.raises(RecordDamaged, match=r"run\.jsonl: not a line"):
        load_record(tmp_path / "run")


@pytest.mark.parametrize(
    "text", ["", "{}\n", "SQLite format 3\0", '{"line":"end","at_s":1.0,"reason":"decided"}\n']
)
def test_what_does_not_begin_as_a_run_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.jsonl").write_text(text)
    with pytest.raises(NotARun, match=r"run\.jsonl"):
        load_record(tmp_path)


def test_another_schema_is_refused_by_its_number(tmp_path: Path) -> None:
    lines = _written(tmp_path / "run") / "run.jsonl"
    lines.write_bytes(lines.read_bytes().replace(b'"schema":1', b'"schema":99'))
    with pytest.raises(UnknownSchema, match="99"):
        load_record(tmp_path / "run")


def test_a_folder_takes_one_run_only(tmp_path: Path) -> None:
    with pytest.raises(RecordNotWritable, match="holds a run already"):
        RunFolder(_written(tmp_path / "run"))


def test_runs_that_begin_within_one_second_get_folders_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with ThreadPoolExecutor(4) as several:
        folders = list(several.map(dated, ["plain-chat"] * 40))
    assert sorted(folders) == sorted(
        Path("reports") / one.name for one in (tmp_path / "reports").iterdir()
    )
    assert len(set(folders)) == 40


def test_a_record_that_is_there_and_cannot_be_read_is_not_taken_for_none(tmp_path: Path) -> None:
    (tmp_path / "run.jsonl").mkdir()
    with pytest.raises(RecordError, match=r"run\.jsonl cannot be read") as caught:
        load_record(tmp_path)
    assert not isinstance(caught.value, NotARun)


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"run\.jsonl"):
        load_record(tmp_path)
