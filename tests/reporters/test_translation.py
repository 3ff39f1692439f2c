"""The page in Chinese: every text of the page has a translation."""

from __future__ import annotations

import re
from dataclasses import replace
from importlib import resources
from pathlib import Path

import pytest
from stored_run import leak_verdict, scripted_run

from harness.blame.blame import Blame, Share
from harness.record.record import RunRecord, ServerReady
from harness.record.store import load_record
from harness.reporters import html, translation
from harness.reporters.chinese import TEXTS
from harness.verdict.gates import entries
from harness.verdict.gates.memory import MemoryGate
from harness.verdict.judge import judge
from harness.verdict.outcome import Kind, Status, Tag, Verdict, VerdictName

RUNS = sorted((Path(__file__).parents[1] / "data" / "corpus").glob("*.jsonl"))
TEMPLATE = resources.files("harness.reporters").joinpath("page", "report.html.j2").read_text()


class Noting(translation.Say):
    """Keeps what has no translation, over several pages."""

    seen: set[str] = set()  # noqa: RUF012

    def __init__(self, language: str) -> None:
        super().__init__(language)
        self.untranslated = Noting.seen


@pytest.fixture
def untranslated(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    monkeypatch.setattr(html, "say_in", Noting)
    Noting.seen.clear()
    return Noting.seen


def draw(record: RunRecord, verdict: Verdict, blamed: Blame | None = None) -> str:
    return html.render(record, verdict, "zh", blamed, {"memory.png": b"png"}).decode()


def blamed() -> Blame:
    shares = [
        Share("chat", metric, 1.0, 0.5, 1.5, True)
        for metric in ("tasks", "uss", "idle_cpu", "entries")
    ]
    return Blame((), tuple(shares), 20, 60)


def test_every_text_in_the_template_has_a_translation() -> None:
    texts = set(re.findall(r"""say\(["']([^"']+)["']""", TEMPLATE))
    texts |= set(re.findall(r"""(?:pairs|bullets)\(["']([^"']+)["']""", TEMPLATE))
    assert len(texts) > 20
    assert texts <= set(TEXTS)


def test_a_page_with_all_there_is_leaves_nothing_in_english(untranslated: set[str]) -> None:
    record = RunRecord.from_lines(scripted_run(failure="NoReply"))
    record.ready = ServerReady(0.8, 1, "no probe greeted")
    draw(record, leak_verdict(), blamed())
    assert untranslated == set()


@pytest.mark.parametrize("path", RUNS, ids=lambda path: path.stem)
def test_pages_of_stored_runs_leave_nothing_in_english(path: Path, untranslated: set[str]) -> None:
    record = load_record(path)
    draw(record, judge(record).verdict)
    assert untranslated == set()


def test_a_text_without_a_translation_is_found() -> None:
    say = translation.say_in("zh")
    assert say("no such text") == "no such text"
    assert say.untranslated == {"no such text"}


@pytest.mark.parametrize("word", [*entries(), *VerdictName, *Status, *Kind, *Tag], ids=str)
def test_every_word_of_a_result_has_a_translation(word: str) -> None:
    assert str(word) in TEXTS


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (VerdictName.LEAK, "打开 chat_server/context.py:143：任务 ServiceContext._keep_warm"),
        (VerdictName.INCONCLUSIVE, "再运行大约 40 次会话"),
        (VerdictName.FLAT, ""),
    ],
)
def test_the_advice_is_chinese(name: VerdictName, words: str) -> None:
    advice = translation.advice_in("zh", replace(leak_verdict(), name=name))
    assert advice.startswith(words)
    assert bool(advice) == bool(words)


def test_the_page_names_advice_chain_and_wait_as_chinese_engineers_do() -> None:
    record = RunRecord.from_lines(scripted_run())
    record.add(replace(record.rests[-1], idle=True))
    page = draw(record, leak_verdict())
    for term in ("处理建议", "引用链", "空闲等待后"):
        assert term in page


def test_several_kinds_are_translated_each() -> None:
    gate = leak_verdict().gates["memory"]
    assert isinstance(gate, MemoryGate)
    assert "大对象、未确认" in draw(RunRecord.from_lines(scripted_run()), leak_verdict())


def test_the_labels_of_metrics_are_words_in_english_too() -> None:
    say = translation.say_in("en")
    assert say.series("gc_objects") == "tracked objects"
    assert say.series("peak") == "peak"
