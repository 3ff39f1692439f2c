"""What CI reads of a run: JUnit's cases and a summary in Markdown."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree as ET

from stored_run import EVIL, SERVER_FAILED, cut_short, leak_verdict, recorded

from harness.record.policy import Policy
from harness.record.record import (
    RunRecord,
)
from harness.reporters import REPORTERS
from harness.verdict.counting import CounterGate
from harness.verdict.outcome import Status, Verdict


def cases_of(record: RunRecord, verdict: Verdict) -> tuple[ET.Element, dict[str, str]]:
    """The suite, and by test case: passed, or the element that says why not."""
    suite = ET.fromstring(REPORTERS["junit.xml"](record, verdict))
    states = {}
    for case in suite.iter("testcase"):
        states[case.attrib["name"]] = next(
            (one.tag for one in case if one.tag != "system-out"), "passed"
        )
    return suite, states


def test_ci_sees_one_test_case_a_gate() -> None:
    suite, states = cases_of(recorded(), leak_verdict())
    assert states == {
        "run": "passed",
        "memory": "failure",
        "objects": "failure",
        "tasks": "error",
        "threads": "passed",
        "descriptors": "skipped",
        "latency": "failure",
        "cpu": "failure",
    }
    counts = {name: suite.attrib[name] for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "8", "failures": "4", "errors": "1", "skipped": "1"}


def test_ci_passes_a_gate_that_the_user_allowed() -> None:
    record = recorded()
    record.started = replace(record.started, policy=Policy(allow=("memory", "tasks")))
    _, states = cases_of(record, leak_verdict())
    assert (states["memory"], states["tasks"], states["objects"]) == ("passed", "passed", "failure")


def test_ci_sees_an_error_where_the_server_failed() -> None:
    assert cases_of(cut_short(2), SERVER_FAILED)[1] == {"run": "error"}


def test_a_servers_control_characters_do_not_break_the_xml() -> None:
    suite, _ = cases_of(recorded(failure=EVIL), leak_verdict())
    assert "<script>alert('小明')</script>" in "".join(suite.itertext())


def test_the_summary_is_a_table_that_a_servers_words_cannot_break() -> None:
    verdict = replace(
        leak_verdict(), gates={"tasks": CounterGate(Status.NOT_MEASURED, EVIL)}, doubts=(EVIL,)
    )
    text = REPORTERS["summary.md"](recorded(), verdict).decode()
    assert text.startswith("## leak-harness: leak\n\nmemory grows by 32MiB per session")
    bars = {
        len(re.findall(r"(?<!\\)\|", line)) for line in text.splitlines() if line.startswith("|")
    }
    assert bars == {8}
    assert r"\<script\>" in text
    assert not re.search(r"(?<!\\)<", text)


def test_the_summary_has_the_cause_before_the_table_and_ends_with_the_command() -> None:
    text = REPORTERS["summary.md"](recorded(), leak_verdict()).decode()
    assert text.index("### Cause") < text.index("### Gates") < text.index("### Run it again")
    command = recorded().started.target["command_line"]
    assert text.rstrip().endswith(f"    {command}")
