"""What a server says, in every report: words and nothing else."""

from __future__ import annotations

import json
import random
import re
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from stored_run import leak_verdict, scripted_run

from harness.across_runs.compare import compare
from harness.across_runs.history import HistoryRun
from harness.experiment.ci_outputs import workflow_commands
from harness.record.policy import Policy
from harness.record.record import (
    Incident,
    LogCounts,
    ProcessReading,
    RestSample,
    RunRecord,
    RunStarted,
    ServerReady,
)
from harness.record.store import RunFolder, load_record
from harness.redaction import printable
from harness.reporters import (
    REPORTERS,
    comparison,
    console,
    history_page,
    index,
    openmetrics,
    otlp,
    plots,
)
from harness.reporters.escaping import log_lines, markdown, one_line, workflow_property
from harness.verdict.counting import CounterGate
from harness.verdict.outcome import Finding, Status, Verdict

FRAGMENTS = (
    "\x1b[31m",
    "\x9b2J",
    "\x1b]0;title\x07",
    "\x00",
    "\x7f",
    "\r\n",
    "\n",
    "\t",
    " ",
    "\u2028",
    "\u202e",
    "\u200b",
    "\ufeff",
    "\ud800",
    "\U000e0041",
    "::error::",
    "::set-output name=x::",
    "##[error]",
    "section_start:1:a\r\x1b[0K",
    "[bold red]",
    "[/]",
    "[link=file:///]",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</script>",
    "]]>",
    "&lt;",
    "&",
    '"',
    "'",
    "`",
    "**",
    "__",
    "| a |",
    "![i](x)",
    "[a](javascript:alert(1))",
    "# ",
    "- ",
    "1. ",
    "~~",
    "@octocat",
    "{{ 7 * 7 }}",
    "{% raw %}",
    "$\\frac{",
    "$",
    "%0A::error::",
    "\\",
    "小明",
    "é",
    "word",
    "std::vector<int>",
    "=1+1",
)
CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
"""What would act on a reader or a terminal, line ends and tabs left out."""
COMMAND = re.compile(r"^\s*::|##\[", re.MULTILINE)
"""What a CI reads as a command in a log."""


def hostile_texts() -> Iterator[str]:
    """What acts at the start of a line; all fragments together; then mixtures, always the same."""
    yield from (
        "::error::x",
        "##[error]x",
        "# x",
        "- x",
        "1. x",
        "\n::warning::x",
        "".join(FRAGMENTS),
    )
    mixed = random.Random(18)
    for _ in range(15):
        yield "".join(mixed.choices(FRAGMENTS, k=mixed.randint(2, 9)))


TEXTS = list(hostile_texts())
WHOLE = "".join(FRAGMENTS)
"""All in one: for formats that are slow to draw."""


def record_of(text: str) -> RunRecord:
    """A run in which everything that a server can say is that text."""
    lines = scripted_run(3, failure=f"NoReply: {text}", target_name=text)
    started = lines[0]
    assert isinstance(started, RunStarted)
    target = {**started.target, "command": text, "command_line": text}
    lines[0] = replace(started, scenario=text, target=target, environment={"commit": text})
    lines[1] = ServerReady(0.8, 1, probe=text)
    last = lines[-2]
    assert isinstance(last, RestSample)
    processes = (ProcessReading(1, text, {"rss": 1.0}),)
    lines[-2] = replace(last, processes=processes, problems={"memory": text})
    lines.insert(-1, Incident(1.0, text))
    lines.insert(-1, LogCounts(1.0, 1, {"x": 1}, {"x": text}))
    return RunRecord.from_lines(lines)


def verdict_of(text: str) -> Verdict:
    """A leak with a finding, a gate and a doubt of that text."""
    finding = Finding(
        "0123456789abcdef",
        "leak",
        "task",
        text,
        2.0,
        1,
        f"{text}:1",
        text,
        "application",
        (text, text),
        text,
    )
    gates = {**leak_verdict().gates, "tasks": CounterGate(Status.LEAK, text, 1, 2, 1, (1, 2), 0.02)}
    return replace(
        leak_verdict(),
        summary=f"LEAK: {text}",
        gates=gates,
        findings=(finding,),
        doubts=(text,),
        unexplained=text,
        control=text,
    )


class Page(HTMLParser):
    """The tags and attributes of a page."""

    def __init__(self, html: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    @property
    def harmful(self) -> list[str]:
        """Tags and attributes that run or fetch something."""
        found = []
        for tag, attributes in self.tags:
            found += [name for name in attributes if name.startswith("on")]
            source = attributes.get("src") or ""
            found += [source] if source and not source.startswith("data:image/png") else []
            link = (attributes.get("href") or "").lower()
            found += [link] if link.startswith(("javascript", "data")) else []
            found += [tag] if tag in ("iframe", "object", "base") else []
        return found


def assert_harmless_page(html: bytes, scripts: int) -> None:
    page = Page(html)
    assert page.harmful == []
    assert [tag for tag, _ in page.tags].count("script") == scripts
    assert not CONTROL.search(html.decode())


def assert_harmless_markdown(text: str) -> None:
    assert not CONTROL.search(text)
    assert not re.search(r"(?<!\\)[<>]", text)
    assert not re.search(r"(?<!\\)\]\(", text)
    assert not COMMAND.search(text)


@pytest.mark.parametrize("text", TEXTS)
def test_the_console_prints_words_and_no_commands(text: str) -> None:
    for terminal in (False, True):
        output = console.render(record_of(text), verdict_of(text), 90, terminal)
        colours = re.compile(r"\x1b\[[0-9;]*m")
        assert not CONTROL.search(colours.sub("", output) if terminal else output)
        assert not COMMAND.search(output)


def test_the_console_shows_markup_as_it_is() -> None:
    text = "[bold red]x[/] [link=file:///]y"
    assert text in console.render(record_of("x"), replace(verdict_of("x"), doubts=(text,)), 200)


@pytest.mark.parametrize("text", TEXTS)
def test_markdown_has_no_markup_of_a_server(text: str) -> None:
    record, verdict = record_of(text), verdict_of(text)
    assert_harmless_markdown(REPORTERS["summary.md"](record, verdict).decode())


@pytest.mark.parametrize("text", TEXTS)
def test_junit_is_xml_with_the_words_in_it(text: str) -> None:
    suite = ET.fromstring(REPORTERS["junit.xml"](record_of(text), verdict_of(text)))
    assert not CONTROL.search("".join(suite.itertext()))
    assert len(suite.findall("testcase")) == len(verdict_of(text).gates) + 1


@pytest.mark.parametrize("text", TEXTS)
def test_the_result_is_json_without_control_characters(text: str) -> None:
    data = REPORTERS["result.json"](record_of(printable(text)), verdict_of(printable(text)))
    assert not CONTROL.search(data.decode())
    assert json.loads(data)["verdict"] == "leak"


@pytest.mark.parametrize("text", [WHOLE, *TEXTS[-3:]])
def test_the_page_runs_and_fetches_nothing_of_a_server(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    png = {"memory.png": lambda *_: b"png"}
    monkeypatch.setattr(plots, "FILES", png)  # drawing is tried elsewhere, and slow
    assert_harmless_page(REPORTERS["report.html"](record_of(text), verdict_of(text)), scripts=3)


def test_plots_are_drawn_of_any_words() -> None:
    for draw in plots.FILES.values():
        assert draw(record_of(WHOLE), verdict_of(WHOLE)).startswith(b"\x89PNG")


@pytest.mark.parametrize("text", [WHOLE, *TEXTS[-3:]])
def test_a_comparison_holds_words_alone(text: str) -> None:
    record, verdict = record_of(text), verdict_of(printable(text))  # as findings of a record are
    compared = comparison.Compared(
        compare((record, leak_verdict()), (record, verdict)), record, record
    )
    files = {name: draw(compared) for name, draw in comparison.REPORTS.items()}
    assert_harmless_markdown(files["compare.md"].decode())
    assert json.loads(files["compare.json"])["worse"] is False
    assert files["compare.png"].startswith(b"\x89PNG")


@pytest.mark.parametrize("text", [WHOLE, *TEXTS[-3:]])
def test_the_history_holds_words_alone(text: str) -> None:
    runs = [HistoryRun.of(record_of(text), verdict_of(text), text) for _ in range(2)]
    runs.append(replace(runs[0], target="another $ server $"))
    past = history_page.Runs(runs, {})
    files = {name: draw(past) for name, draw in history_page.REPORTS.items()}
    assert_harmless_markdown(files["history.md"].decode())
    assert_harmless_page(files["history.html"], scripts=0)


@pytest.mark.parametrize("text", [WHOLE, *TEXTS[-3:]])
def test_the_index_holds_words_alone(text: str) -> None:
    entries = [index.Entry("runs/x", record_of(text), verdict_of(text))]
    assert_harmless_page(index.render(index.Index(entries, Path())), scripts=0)


@pytest.mark.parametrize("text", TEXTS)
def test_metrics_can_be_read_back_whatever_a_scenario_is_called(text: str) -> None:
    scenario = printable(text)
    result = json.loads(REPORTERS["result.json"](record_of("x"), verdict_of("x")))
    exported = openmetrics.render(result | {"scenario": scenario}).decode()
    families = list(text_string_to_metric_families(exported))  # type: ignore[no-untyped-call]
    assert {sample.labels["scenario"] for family in families for sample in family.samples} == {
        scenario
    }
    assert json.loads(otlp.render(result | {"scenario": scenario}))


@pytest.mark.parametrize("text", TEXTS)
def test_an_annotation_of_github_is_one_command_on_one_line(text: str) -> None:
    result: dict[str, Any] = json.loads(
        REPORTERS["result.json"](record_of("x"), verdict_of(printable(text)))
    )
    (line,) = workflow_commands(result, Path.cwd())
    assert line.splitlines() == [line]
    assert not CONTROL.search(line)
    title, _, message = line.removeprefix("::error ").partition("::")
    assert title.startswith("title=leak-harness%3A task ")
    assert "," not in title
    assert message


def test_a_property_of_a_command_cannot_end_it() -> None:
    assert workflow_property("a::b,c\n%") == "a%3A%3Ab%2Cc%0A%25"


@pytest.mark.parametrize("text", TEXTS)
def test_escaped_text_is_on_one_line(text: str) -> None:
    assert len(one_line(text).splitlines()) <= 1
    assert len(markdown(text).splitlines()) <= 1
    assert not COMMAND.search(log_lines(text))


def test_printable_text_is_bounded() -> None:
    assert printable("x" * 9999, 100) == "x" * 99 + "…"
    assert printable("小明 é\tx\n") == "小明 é\tx\n"


@pytest.mark.parametrize("text", [WHOLE, *TEXTS[-3:]])
def test_a_record_holds_printable_words_in_memory_and_on_disk(text: str, tmp_path: Path) -> None:
    record = record_of(text)
    folder = RunFolder(tmp_path / "run")
    folder.append(RunStarted("x", {}, Policy(), {}, "2026-01-01T00:00:00Z"))
    for line in (ServerReady(0.1, 1, text), Incident(1.0, text), record.rests[-1]):
        folder.append(line)
    folder.close()
    stored = load_record(tmp_path / "run")
    for one in (record, stored):
        assert not CONTROL.search(one.incidents[-1].what)
        assert not CONTROL.search(one.probe_silence)
        assert not CONTROL.search(one.rests[-1].processes[0].name)
    assert not CONTROL.search((tmp_path / "run" / "run.jsonl").read_text(encoding="utf-8"))


def test_a_pattern_of_the_user_is_found_again_under_its_own_name() -> None:
    counts = LogCounts(1.0, 1, {"\x1b.*": 2}, {"\x1b.*": "\x1b[31mred"})
    record = RunRecord.from_lines([scripted_run()[0], counts])
    assert record.logs[0].counts == {"\x1b.*": 2}
    assert record.logs[0].examples == {"\x1b.*": "\ufffd[31mred"}


def test_the_picture_in_a_page_is_the_one_that_was_drawn() -> None:
    page = REPORTERS["report.html"](record_of("x"), verdict_of("x"))
    assert b64encode(plots.FILES["cpu.png"](record_of("x"), verdict_of("x"))) in page
