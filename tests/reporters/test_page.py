"""report.html as a reader has it: opened in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from browser import CHROMIUM, Tab, tab
from record_builder import Script
from stored_run import EVIL, leak_verdict, scripted_run

from harness.record.policy import Policy
from harness.record.record import Incident, RunRecord
from harness.record.store import load_record
from harness.reporters import html
from harness.reporters.charts import charts, in_equal_parts
from harness.reporters.policy_words import policy_words
from harness.verdict.judge import judge

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium")
LEAK = Path(__file__).parents[1] / "data" / "corpus" / "engineio-4.6.1.jsonl"


@pytest.fixture(scope="module")
def page() -> Iterator[Tab]:
    with tab() as opened:
        yield opened


@pytest.fixture(scope="module")
def leak(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("page"), "en")


def written(folder: Path, language: str) -> Path:
    (folder / "run.jsonl").write_bytes(LEAK.read_bytes())
    record = load_record(folder)
    path = folder / f"report-{language}.html"
    path.write_bytes(html.render(record, judge(record).verdict, language))
    return path


def test_it_opens_without_a_complaint_and_asks_the_network_for_nothing(
    page: Tab, leak: Path
) -> None:
    page.open(leak)
    assert int(page.run("document.body.dataset.drawn")) >= 3
    assert page.complaints == []
    assert page.asked_for == []
    assert leak.stat().st_size < 1_000_000


def test_every_chart_shows_something(page: Tab, leak: Path) -> None:
    page.open(leak)
    painted = """[...document.querySelectorAll("figure canvas")].map((canvas) => {
        const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data
        return new Set(new Uint32Array(data.buffer)).size })"""
    colors = page.run(painted)
    assert len(colors) >= 3
    assert min(colors) > 8


def test_the_verdict_and_the_findings_stand_there_with_the_line_to_open(
    page: Tab, tmp_path: Path
) -> None:
    (tmp_path / "leak.html").write_bytes(
        html.render(RunRecord.from_lines(scripted_run()), leak_verdict())
    )
    page.open(tmp_path / "leak.html")
    assert page.run("document.querySelector('h1').textContent") == "leak"
    assert page.run("document.querySelectorAll('article.finding').length") >= 1
    assert page.run("document.querySelector('.chain li') !== null") is True
    todo = page.run("document.querySelector('.todo').textContent")
    assert todo == "What to do: Cancel the task and await it when the connection ends."


def test_the_first_screen_holds_verdict_cause_advice_and_growth_against_the_limit(
    page: Tab, tmp_path: Path
) -> None:
    (tmp_path / "leak.html").write_bytes(
        html.render(RunRecord.from_lines(scripted_run()), leak_verdict())
    )
    page.open(tmp_path / "leak.html")
    ends = page.run(
        "['h1', '.summary', '.todo', '.act', '#chart-growth .plot'].map((one) => "
        "document.querySelector(one).getBoundingClientRect().bottom)"
    )
    assert ends == sorted(ends)
    assert ends[-1] < 900


def test_growth_is_drawn_from_zero_and_axes_count_whole_sessions() -> None:
    record = RunRecord.from_lines(scripted_run())
    growth = next(chart for chart in charts(record, leak_verdict()) if chart.name == "growth")
    assert growth.from_zero
    values = [value for value in growth.series["uss"] if value is not None]
    assert values[0] == 0
    assert set(growth.series) == {"uss", "limit"}


@pytest.mark.parametrize("replies", [3, 60, 61, 199, 1000, 5001])
def test_each_point_of_the_replies_stands_for_as_many_of_them(replies: int) -> None:
    parts = in_equal_parts(range(replies))
    assert len({len(part) for part in parts}) == 1
    assert sum(map(len, parts)) > 0.9 * replies or replies < 20


def test_on_a_phone_each_gate_is_a_card(page: Tab, leak: Path) -> None:
    page.open(leak, width=360)
    assert page.run("getComputedStyle(document.querySelector('.cards tr')).display") == "block"
    cell = "document.querySelector('.cards td[data-label]')"
    assert "growth per session" in page.run(f"getComputedStyle({cell}, '::before').content")


def test_a_failed_server_shows_its_error_first(page: Tab, tmp_path: Path) -> None:
    record = Script().record(2)
    record.add(Incident(3.0, "the server ended with status 3\n  no module app", fatal=True))
    (tmp_path / "failed.html").write_bytes(html.render(record, judge(record).verdict))
    page.open(tmp_path / "failed.html")
    assert "no module app" in page.run("document.querySelector('header + pre').textContent")
    assert "server.log" in page.run("document.querySelector('.todo').textContent")


def test_a_run_that_goes_on_has_no_verdict_yet(page: Tab, tmp_path: Path) -> None:
    record = RunRecord.from_lines(scripted_run())
    running = html.render(record, leak_verdict(), progress="cycle 12  sessions 20")
    (tmp_path / "running.html").write_bytes(running)
    page.open(tmp_path / "running.html")
    assert page.run("document.querySelector('h1').textContent") == "running"
    assert "Cycle 12" in page.run("document.querySelector('.summary').textContent")
    assert page.run("document.querySelector('.act')") is None
    assert page.run("document.querySelector('article.finding')") is None


def test_what_is_allowed_is_called_allowed() -> None:
    verdict = leak_verdict()
    gates = {"memory": replace(verdict.gates["memory"], allowed=True)}
    text = html.render(Script().record(2), replace(verdict, gates=gates)).decode()
    assert 'class="outcome allowed">allowed (large-object, unconfirmed)' in text


def test_the_policy_is_in_words() -> None:
    policy = Policy(limit_bytes=4096, allow=("log", "cpu"), explain=True)
    words = policy_words(policy)
    assert words["limit of memory per session"] == "4KiB"
    assert words["allowed"] == "log, cpu"
    assert words["looks for the cause"] == "yes"
    assert words["longest wait for late releases"] == "90s"


def test_pointing_at_a_chart_tells_its_values(page: Tab, leak: Path) -> None:
    page.open(leak)
    before = page.run("document.querySelector('#chart-memory .keys').textContent")
    page.run("document.querySelector('#chart-memory').scrollIntoView()")
    x, y = page.run("(() => { const b = document.querySelector('#chart-memory "
                    ".u-over').getBoundingClientRect();"
                    " return [b.x + b.width / 2, b.y + b.height / 2] })()")  # fmt: skip
    page.move(x, y)
    page.run("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    after = page.run("document.querySelector('#chart-memory .keys').textContent")
    assert before != after
    assert "MiB" in after


def test_a_series_is_switched_off_with_the_keyboard_alone(page: Tab, leak: Path) -> None:
    page.open(leak)
    page.run("document.querySelector('#chart-memory input[name=rss]').focus()")
    for kind in ("keyDown", "keyUp"):
        page.ask(
            "Input.dispatchKeyEvent",
            type=kind,
            key=" ",
            code="Space",
            text=" ",
            windowsVirtualKeyCode=32,
        )
    assert page.run("document.querySelector('#chart-memory input[name=rss]').checked") is False
    assert page.run("document.querySelectorAll('#chart-memory .keys .off').length") >= 1


def test_it_fits_a_phone_and_the_dark(page: Tab, leak: Path) -> None:
    page.open(leak, width=360, dark=True)
    assert page.run("document.documentElement.scrollWidth") <= 360
    red, green, blue = page.run(
        "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"
    )
    assert red + green + blue < 150


def test_it_speaks_chinese(page: Tab, tmp_path: Path) -> None:
    page.open(written(tmp_path, "zh"))
    assert page.run("document.querySelector('h1').textContent") == "泄漏"
    assert page.run("document.documentElement.lang") == "zh"
    assert "每次会话" in page.run("document.querySelector('.summary').textContent")


def test_what_a_server_says_is_only_words(page: Tab, tmp_path: Path) -> None:
    record = RunRecord.from_lines(scripted_run(failure=EVIL, target_name=EVIL))
    (tmp_path / "hostile.html").write_bytes(html.render(record, leak_verdict()))
    page.open(tmp_path / "hostile.html")
    assert "小明" in page.run("document.body.innerText")
    assert page.run("document.querySelectorAll('script:not([id]):not([type])').length") == 2
    assert page.complaints == []


def test_a_reader_without_sight_has_every_chart_in_words_and_as_a_table(
    page: Tab, leak: Path
) -> None:
    page.open(leak)
    labels = page.run(
        "[...document.querySelectorAll('figure [role=img]')].map((one) => one.ariaLabel)"
    )
    assert all("→" in label for label in labels)
    assert (
        min(
            page.run("[...document.querySelectorAll('figure table')].map((one) => one.rows.length)")
        )
        >= 3
    )
