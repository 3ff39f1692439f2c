"""Reports of scripted runs: numbers made by hand, so that each word in a report can be told
beforehand.
"""

from __future__ import annotations

import gc
import json
import math
import re
import subprocess
import sys
from base64 import b64encode
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from weakref import ref

import pytest
from stored_run import EVIL, MIB, SERVER_FAILED, cut_short, leak_verdict, recorded, scripted_run

from harness.experiment.reports import write_reports
from harness.record.record import (
    CycleDone,
    Incident,
    RestSample,
    RunRecord,
    ServerReady,
    SessionResult,
)
from harness.reporters import REPORTERS, console
from harness.reporters.facts import account
from harness.verdict.counting import CounterGate
from harness.verdict.gates.memory import MemoryGate
from harness.verdict.outcome import Kind, Status, Verdict, VerdictName


def without_metrics() -> RunRecord:
    """Only what can be read from outside, of a server in a foreign namespace."""
    kept = [
        replace(line, values={})
        if isinstance(line, RestSample)
        else replace(line, peaks={}, talking_cpu_percent=None)
        for line in scripted_run()
        if isinstance(line, RestSample | CycleDone)
    ]
    return RunRecord.from_lines([scripted_run()[0], *kept])


MEMORY_ALONE = Verdict(
    VerdictName.INCONCLUSIVE,
    "INCONCLUSIVE: too few cycles",
    {"memory": MemoryGate(Status.INCONCLUSIVE, bounds=(-math.inf, math.inf), limit=1024.0)},
)


def test_a_run_folder_gets_exactly_the_reports_that_scripts_look_for() -> None:
    assert set(REPORTERS) == {
        "result.json",
        "report.html",
        "memory.png",
        "latency.png",
        "cpu.png",
        "junit.xml",
        "summary.md",
    }


def test_the_reports_cost_nothing_until_they_are_drawn() -> None:
    heavy = "{'matplotlib', 'jinja2', 'rich'}"
    code = f"import sys, harness.reporters; sys.exit(' '.join({heavy} & set(sys.modules)) or 0)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("file_name", sorted(set(REPORTERS) - {"report.html"}))
def test_the_same_run_gives_the_same_bytes(file_name: str) -> None:
    draw = REPORTERS[file_name]
    assert draw(recorded(3), leak_verdict()) == draw(recorded(3), leak_verdict())


@pytest.mark.parametrize(
    ("record", "verdict"),
    [
        (cut_short(1), SERVER_FAILED),
        (cut_short(3), MEMORY_ALONE),
        (cut_short(5), MEMORY_ALONE),
        (cut_short(20), leak_verdict()),
        (without_metrics(), leak_verdict()),
    ],
    ids=["nothing", "one-sample", "two-samples", "killed-half-way", "no-metrics"],
)
def test_every_report_can_be_drawn_of_whatever_there_is(
    record: RunRecord, verdict: Verdict
) -> None:
    texts = [
        REPORTERS[file_name](record, verdict)
        for file_name in ("result.json", "junit.xml", "summary.md")
    ]
    assert all(verdict.name.encode() in text or verdict.summary.encode() in text for text in texts)
    assert REPORTERS["report.html"](record, verdict).count(b"data:image/png;base64,") == 3


def result_of(record: RunRecord, verdict: Verdict) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(REPORTERS["result.json"](record, verdict))
    return result


def test_the_result_has_the_promised_keys() -> None:
    result = result_of(recorded(), leak_verdict())
    assert {
        "schema",
        "verdict",
        "exit_status",
        "scenario",
        "target",
        "started_at",
        "duration_s",
        "environment",
        "doubts",
        "cycles",
        "warmup_cycles",
        "sessions",
        "sessions_failed",
        "runs",
        "gates",
        "findings",
    } <= set(result)
    assert (result["schema"], result["verdict"], result["exit_status"]) == (1, "leak", 1)
    assert (result["cycles"], result["warmup_cycles"], result["sessions"]) == (20, 5, 60)
    assert (
        result["open_gates"],
        result["sessions_needed"],
        result["first_suspicion_sessions"],
    ) == (["tasks"], 40, 5)
    assert result["findings"][0]["chain"] == ["event loop", "task", "ServiceContext"]
    assert [one["verdict"] for one in result["runs"]] == ["leak"]


def test_the_result_keeps_every_number_of_a_gate() -> None:
    gates = result_of(recorded(), leak_verdict())["gates"]
    assert gates["memory"]["growth_per_session"] == 32 * MIB
    assert gates["memory"]["bounds"] == pytest.approx([0.98 * 32 * MIB, 1.02 * 32 * MIB])
    assert gates["memory"]["tags"] == ["unconfirmed"]
    assert gates["latency"]["p99"] == 1.0
    assert gates["cpu"]["idle_last"] == 90.2


def test_a_gate_that_was_not_measured_says_why_and_its_numbers_are_null() -> None:
    descriptors = result_of(recorded(), leak_verdict())["gates"]["descriptors"]
    assert descriptors["outcome"] == "not-measured"
    assert descriptors["reason"] == "could not be read"
    assert descriptors["growth_per_session"] is None


def test_a_run_that_was_killed_lasted_until_its_last_line() -> None:
    record = cut_short(20)
    last_s = max(record.rests[-1].at_s, record.cycles[-1].ended_s)
    assert record.ended is None
    assert result_of(record, MEMORY_ALONE)["duration_s"] == pytest.approx(last_s, abs=0.001)


def test_a_run_without_the_probe_says_why_it_had_none() -> None:
    record = RunRecord.from_lines(scripted_run())
    assert "without the probe" not in account(record)
    record.ready = ServerReady(
        0.8, 4711, "no probe greeted within 5 s\n  its Python ignores PYTHONPATH"
    )
    assert account(record).endswith(
        "; without the probe: no probe greeted within 5 s its Python ignores PYTHONPATH"
    )


def test_a_crowded_machine_is_named() -> None:
    record = recorded()
    for rest in record.rests:
        rest.values["crowd"] = 40.0
    assert account(record).endswith("; other programs used 40% of the CPU")
    assert json.loads(REPORTERS["result.json"](record, leak_verdict()))["crowded_percent"] == 40


def test_the_console_says_the_verdict_first_then_the_cause_and_then_every_gate() -> None:
    first, cause, advice, second, *rest = console.render(
        recorded(), leak_verdict(), 120, terminal=False
    ).splitlines()
    assert (
        first == "LEAK  memory grows by 32MiB per session (limit 1KiB), decided by malloc after 60 "
        "sessions"
    )
    assert cause == "cause: 2.00 tasks per session never finish: `ServiceContext._keep_warm`"
    assert advice == "what to do: Cancel the task and await it when the connection ends."
    assert second.startswith("character-switch against the embedded server: 20 cycles, 60 sessions")
    for gate in leak_verdict().gates:
        assert any(line.startswith(f"|{gate} ") for line in rest)
    assert any("+32MiB" in line and "31.4MiB to 32.6MiB" in line for line in rest)


def test_the_console_shows_the_source_of_the_cause_as_it_is_indented() -> None:
    verdict = leak_verdict()
    source = ("  27     for name in names:", "> 28         histories[name] = history")
    finding = replace(verdict.findings[0], source=source)
    lines = console.render(
        recorded(), replace(verdict, findings=(finding,)), 120, terminal=False
    ).splitlines()
    assert lines[2:4] == list(source)


def test_a_counter_that_is_flat_beside_its_growth_says_why() -> None:
    gate = CounterGate(
        Status.FLAT, "grew, and was released", 1, 56, 55, (54, 56), 2, Kind.RELEASED_LATE
    )
    lines = console.render(
        recorded(), replace(leak_verdict(), gates={"objects": gate}), 120, terminal=False
    ).splitlines()
    assert any(
        "flat (released-late)" in line and "+55" in line
        for line in lines
        if line.startswith("|objects ")
    )


def test_the_console_is_plain_characters_where_there_is_no_terminal() -> None:
    text = console.render(
        recorded(failure="NoReply: within 5s"), leak_verdict(), 120, terminal=False
    )
    assert text.isascii()
    assert "\x1b" not in text


def test_the_console_is_coloured_on_a_terminal() -> None:
    assert "\x1b[1;31mLEAK" in console.render(recorded(), leak_verdict(), 120, terminal=True)


def test_a_narrow_console_cuts_no_number() -> None:
    text = console.render(recorded(), leak_verdict(), 80, terminal=False)
    assert max(map(len, text.splitlines())) <= 80
    assert "+32MiB" in text
    assert "…" not in text


def test_a_servers_words_cannot_steer_the_terminal() -> None:
    text = console.render(recorded(failure=EVIL), leak_verdict(), 200, terminal=False)
    assert "\x1b" not in text
    assert "3 sessions: <script>alert" in text


def test_a_long_list_of_failures_is_shortened_on_the_console() -> None:
    record = cut_short(1)
    sessions = tuple(
        SessionResult(ok=False, duration_s=1, failure=f"NoReply: number {number}")
        for number in range(9)
    )
    record.add(CycleDone(1, 1.0, 2.0, sessions))
    assert "failed: and 4 more, see the report" in console.render(
        record, SERVER_FAILED, 100, terminal=False
    )


class Page(HTMLParser):
    """What a browser would show of a report."""

    def __init__(self, html: bytes) -> None:
        super().__init__()
        self.html = html
        self.tags: list[str] = []
        self.sources: list[str] = []
        self.words: list[str] = []
        self.feed(html.decode())

    @property
    def text(self) -> str:
        return "\n".join(self.words)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.sources += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        if data.strip() and self.tags[-1] != "style":
            self.words.append(data.strip())


@pytest.fixture(scope="module")
def page() -> Page:
    """The report of a run whose server says evil things."""
    record = recorded(failure=EVIL, target_name=EVIL)
    record.add(Incident(33.0, "the server wrote to its log: Task exception was never retrieved"))
    return Page(REPORTERS["report.html"](record, leak_verdict()))


def test_the_page_says_the_verdict_and_how_much_before_anything_else(page: Page) -> None:
    assert page.words[:3] == [
        "leak: character-switch",
        "leak",
        "Memory grows by 32MiB per session (limit 1KiB), decided by malloc after 60 sessions",
    ]


def test_the_page_opens_offline(page: Page) -> None:
    assert len(page.sources) == 3
    assert all(source.startswith("data:image/png;base64,") for source in page.sources)
    assert not {"link", "iframe"} & set(page.tags)
    assert b"//" not in re.sub(
        rb'base64,[^"]+|/\*! https://github[^*]+', b"", page.html
    )  # a licence names its home


def test_the_page_shows_a_servers_words_as_words(page: Page) -> None:
    assert (
        page.tags.count("script") == 3
    )  # the charts' data, the library that draws them, and the page's own
    assert page.text.count("<script>alert('小明')</script>") == 2
    assert "\x1b" not in page.text


@pytest.mark.parametrize(
    "words",
    [
        "leak-harness run --fault untracked-task",
        "3 sessions: <script>",
        "33s: the server wrote to its log",
        "1 of 20 cycles was unsettled",
        "ServiceContext._keep_warm",
        "3.11.7",
    ],
)
def test_the_page_tells_how_to_repeat_the_run_and_what_went_wrong(page: Page, words: str) -> None:
    assert words in page.text


class Watched(RunRecord):
    """A record that a weak reference may point at: the class itself has slots."""


@pytest.mark.parametrize("file_name", sorted(REPORTERS))
def test_a_report_keeps_no_record_alive(file_name: str) -> None:
    record = Watched.from_lines(scripted_run())
    alive = ref(record)
    REPORTERS[file_name](record, leak_verdict())
    del record
    gc.collect()
    assert alive() is None


def test_all_reports_of_a_run_together_keep_no_record_alive_and_draw_each_plot_once(
    tmp_path: Path,
) -> None:
    record = Watched.from_lines(scripted_run())
    alive = ref(record)
    write_reports(tmp_path, record, leak_verdict(), "zh")
    del record
    gc.collect()
    assert alive() is None
    page = (tmp_path / "report.html").read_text()
    for name in ("memory.png", "latency.png", "cpu.png"):
        assert b64encode((tmp_path / name).read_bytes()).decode() in page
