"""report.html as a reader has it: opened in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import CHROMIUM, Tab, tab
from stored_run import EVIL, leak_verdict, scripted_run

from harness.record.record import RunRecord
from harness.record.store import load_record
from harness.reporters import html
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
    assert "open " in page.run("document.querySelector('.act').textContent")


def test_pointing_at_a_chart_tells_its_values(page: Tab, leak: Path) -> None:
    page.open(leak)
    before = page.run("document.querySelector('#chart-memory .u-legend').textContent")
    page.run("document.querySelector('#chart-memory').scrollIntoView()")
    x, y = page.run("(() => { const b = document.querySelector('#chart-memory "
                    ".u-over').getBoundingClientRect();"
                    " return [b.x + b.width / 2, b.y + b.height / 2] })()")  # fmt: skip
    page.move(x, y)
    page.run("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    after = page.run("document.querySelector('#chart-memory .u-legend').textContent")
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
    assert page.run("document.querySelectorAll('#chart-memory .u-legend .u-off').length") >= 1


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
