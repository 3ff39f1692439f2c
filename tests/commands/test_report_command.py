"""`report`: runs drawn again, with what other commands have added."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest
from record_builder import MIB, Script, memory

from harness.blame.blame import Blame, Share
from harness.cli import main
from harness.record.record import encode_line
from harness.record.store import BLAME_FILE


def folder_of(script: Script, path: Path) -> Path:
    path.mkdir()
    (path / "run.jsonl").write_bytes(b"".join(encode_line(line) for line in script.lines(30)))
    return path


def test_a_report_keeps_the_table_that_blame_has_added(tmp_path: Path) -> None:
    run = folder_of(Script(), tmp_path / "run")
    blamed = Blame(("chat",), (Share("chat", "tasks", 1.0, 0.5, 1.5, True),), 20, 60)
    (run / BLAME_FILE).write_text(json.dumps(asdict(blamed)))
    main(["report", str(run)])
    page = (run / "report.html").read_text()
    assert "What each action leaves" in page
    assert "to blame: chat" in page


def test_a_damaged_table_of_blame_takes_no_report_with_it(tmp_path: Path) -> None:
    run = folder_of(Script(), tmp_path / "run")
    (run / BLAME_FILE).write_text('{"guilty": 3}')
    main(["report", str(run)])
    assert "What each action leaves" not in (run / "report.html").read_text()


def test_an_index_has_statuses_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    leaking = folder_of(Script(memory(32 * MIB)), tmp_path / "leak")
    assert main(["report", str(leaking)]) == 1
    assert main(["report", str(leaking), "--index", str(tmp_path / "all.html")]) == 0
    assert "LEAK" in capsys.readouterr().out
