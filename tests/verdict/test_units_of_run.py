"""A run that counts messages says so."""

from __future__ import annotations

from dataclasses import replace

from record_builder import Script, memory

from harness.record.record import Cause, Causes, Census, RunRecord
from harness.verdict.judge import judge


def _run(per: str) -> RunRecord:
    record = Script(memory(16 * 1024)).record(40)
    record.started = replace(record.started, per=per)
    for cycle, sessions in ((5, 5), (13, 25), (22, 70), (40, 160)):
        record.add(Census(1.0, cycle, sessions, {"app.Line": sessions}))
    record.add(Causes(2.0, {"object:app.Line": Cause(owner="application")}))
    return record


def test_growth_of_a_run_per_message_is_told_per_message() -> None:
    verdict = judge(_run("message")).verdict
    (finding,) = verdict.findings
    assert finding.summary.startswith("1.00 objects per message stay: `app.Line`")
    assert "per message" in verdict.summary
    assert "session" not in verdict.summary


def test_growth_of_other_runs_is_told_per_session() -> None:
    verdict = judge(_run("session")).verdict
    assert "per session" in verdict.findings[0].summary
    assert "message" not in verdict.summary
