"""How much of the growth of memory the findings account for."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from stored_run import MIB, leak_verdict, recorded

from harness.reporters import REPORTERS, console, html
from harness.verdict.accounted import accounted_share, accounted_words
from harness.verdict.outcome import Finding, Verdict, VerdictName


def verdict_with(*held_bytes: int) -> Verdict:
    """A verdict whose memory grows by 32 MiB per session, and findings that hold so much."""
    (finding,) = leak_verdict().findings
    findings = [
        replace(finding, fingerprint=f"{number:016}", type=f"f{number}", bytes_per_session=held)
        for number, held in enumerate(held_bytes)
    ]
    return replace(leak_verdict(), findings=tuple(findings))


@pytest.mark.parametrize(
    ("held_bytes", "share", "words"),
    [
        ((8 * MIB,), 0.25, "The findings account for 25 % of the growth of memory"),
        ((8 * MIB, 8 * MIB), 0.5, "The findings account for 50 % of the growth of memory"),
        ((30 * MIB,), 0.9375, ""),
        ((32 * MIB, 32 * MIB), 1.0, ""),
        ((1,), 1 / 32 / MIB, "The findings account for 1 % of the growth of memory"),
        ((0,), None, ""),
        ((), None, ""),
    ],
)
def test_findings_account_for_a_share_of_the_growth(
    held_bytes: tuple[int, ...], share: float | None, words: str
) -> None:
    verdict = verdict_with(*held_bytes)
    assert accounted_share(verdict) == share
    assert accounted_words(verdict) == words


def test_what_a_finding_keeps_alive_counts_once() -> None:
    verdict = verdict_with(8 * MIB)
    task = verdict.findings[0]
    agent: Finding = replace(
        task,
        fingerprint="f" * 16,
        kind="object",
        type="agent.Agent",
        chain=("event loop", f"task {task.type}", "local agent <agent.Agent>"),
    )
    assert accounted_share(replace(verdict, findings=(task, agent))) == 0.25


def test_memory_that_does_not_leak_has_no_share() -> None:
    assert accounted_share(Verdict(VerdictName.FLAT, "", {})) is None


def test_console_page_summary_and_result_say_the_share() -> None:
    record, verdict = recorded(), verdict_with(8 * MIB)
    words = "findings account for 25 % of the growth of memory"
    assert words in console.render(record, verdict, 120)
    assert words in html.render(record, verdict, pictures={}).decode()
    assert words in REPORTERS["summary.md"](record, verdict).decode()
    assert json.loads(REPORTERS["result.json"](record, verdict))["accounted_share"] == 0.25
    assert "占内存增长的 25 %" in html.render(record, verdict, "zh", pictures={}).decode()
