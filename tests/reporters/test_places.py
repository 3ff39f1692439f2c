"""Paths in reports are told from the folder where the run was started."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from stored_run import leak_verdict, recorded

from harness.record.record import RunRecord
from harness.reporters import REPORTERS, console, html
from harness.reporters.places import from_folder
from harness.verdict.outcome import Verdict

FOLDER = "/home/lee/shop"


def run_and_verdict() -> tuple[RunRecord, Verdict]:
    """A run started in `FOLDER`, and a finding with paths below it."""
    record, verdict = recorded(), leak_verdict()
    record.started = replace(record.started, folder=FOLDER)
    finding = replace(
        verdict.findings[0],
        created_at=f"{FOLDER}/app/main.py:19",
        summary=f"2.00 tasks per session never finish, created in `chat` ({FOLDER}/app/main.py:19)",
        chain=("event loop", f"coroutine frame {FOLDER}/app/main.py:23"),
    )
    return record, replace(verdict, findings=(finding,))


def test_console_page_and_summary_tell_a_path_from_the_folder_of_the_run() -> None:
    record, verdict = run_and_verdict()
    for text in (
        console.render(record, verdict, 120),
        html.render(record, verdict, pictures={}).decode(),
        REPORTERS["summary.md"](record, verdict).decode(),
    ):
        assert "(app/main.py:19)" in text
        assert FOLDER not in text


def test_the_result_for_programs_keeps_whole_paths() -> None:
    record, verdict = run_and_verdict()
    (finding,) = json.loads(REPORTERS["result.json"](record, verdict))["findings"]
    assert finding["created_at"] == f"{FOLDER}/app/main.py:19"


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("in `f` (/srv/app/main.py:3)", "in `f` (main.py:3)"),
        ("keeper local held (/srv/app/a/b.py:61)", "keeper local held (a/b.py:61)"),
        ("/srv/app/main.py:3 and /srv/app/b.py:9", "main.py:3 and b.py:9"),
        ("/srv/apple/main.py:3", "/srv/apple/main.py:3"),
        ("/mnt/srv/app/main.py:3", "/mnt/srv/app/main.py:3"),
        ("the folder /srv/app/ is gone", "the folder /srv/app/ is gone"),
    ],
)
def test_only_what_lies_below_the_folder_is_shortened(text: str, short: str) -> None:
    assert from_folder(text, "/srv/app") == short
    assert from_folder(text, "") == from_folder(text, "/") == text
