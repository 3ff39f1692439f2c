"""The page in Chinese: every text of the page has a translation."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from importlib import resources
from pathlib import Path

import pytest
from stored_run import leak_verdict, scripted_run

import harness
from harness.blame.blame import Blame, Share
from harness.record.record import RunRecord, ServerReady
from harness.record.store import load_record
from harness.reporters import html, kind_words, translation
from harness.reporters.chinese import TEXTS
from harness.reporters.chinese_rules import NUMBERS, RULES
from harness.verdict import advice
from harness.verdict.gates import entries
from harness.verdict.gates.memory import MemoryGate
from harness.verdict.judge import judge
from harness.verdict.outcome import Kind, Status, Tag, Verdict, VerdictName
from harness.verdict.verdict_rules import VERDICT_RULES

DATA = Path(__file__).parents[1] / "data"
RUNS = sorted([*(DATA / "corpus").glob("*.jsonl"), *(DATA / "runs").glob("*.jsonl")])
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


def test_every_rule_and_every_number_that_it_compares_has_its_chinese() -> None:
    rules = [*VERDICT_RULES, *(rule for gate in entries().values() for rule in gate.rules)]
    assert {rule.id for rule in rules} == set(RULES)
    assert {name for rule in rules for name in rule.compares} == set(NUMBERS)


def test_the_argument_of_a_chinese_page_is_in_chinese(untranslated: set[str]) -> None:
    record = load_record(DATA / "runs" / "leak.jsonl")
    page = draw(record, judge(record).verdict)
    argument = page.partition("各检查项如何判定")[2].partition("</pre>")[0]
    assert "由 verdict.leak 判定" in argument
    assert "有检查项泄漏：泄漏。" in argument
    assert "decided by" not in argument
    assert untranslated == set()


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
    assert say.words("too few sessions so far; no such reason") == ("会话数还太少；no such reason")
    assert say.untranslated == {"no such text", "no such reason"}


def sentences(module: Path) -> list[str]:
    """Literal texts of a module that a reader may meet, with a number for each value in them.

    What only says how a rule decides is left out, as are parts of sentences.
    """
    tree = ast.parse(module.read_text())
    passed: set[int] = set()
    texts = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Rule":
            passed |= {id(inner) for argument in node.args[:3] for inner in ast.walk(argument)}
        if isinstance(node, ast.Expr):
            passed |= {id(node.value)}
        if isinstance(node, ast.JoinedStr):
            passed |= {id(part) for part in node.values}
    for node in ast.walk(tree):
        if id(node) in passed:
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            texts.append(re.sub(r"\{\w*\}", "7", node.value))
        elif isinstance(node, ast.JoinedStr):
            texts.append("".join(getattr(part, "value", "") if isinstance(part, ast.Constant)
                                 else "7" for part in node.values))  # fmt: skip
    return [text.strip() for text in texts if text.strip().count(" ") >= 3]


VERDICT = Path(harness.__file__).parent / "verdict"
REASONS = [
    *(VERDICT / f"{name}.py" for name in ("metric_rules", "memory_rules", "growth_rules")),
    *(VERDICT / f"{name}.py" for name in ("kinds", "doubts", "findings", "orphan_tasks")),
    *(VERDICT / "gates" / f"{name}.py" for name in ("containers", "latency", "cpu", "log")),
]
OTHERS = [Path(advice.__file__), Path(kind_words.__file__)]
PARTS = {
    "asked for tasks only",
    "coroutine frame 7",
    "7 was closed more than 7 s ago",
    "replies became slower, from 7 to 7 over 7 sessions",
    "7 belong to 7 that 7",
    "7 closed more than 7 s ago",
    ", created in `7` (7)",
    "Entries added to 77 are never removed.",
    "7 Remove them when the connection ends.",
    "`7` gets longer7 and is never cut. Cut it, or write it to a file.",
    "7 of these 7",
    ", and 7 more",
    "7 of 7, kept by 7",
    "7, until sessions failed",
    "CPU while talking 7",
    "CPU at rest 7; --settle gives the server time to come to rest",
    "7 and stays there",
    "decided at rest; CPU while talking 7",
    "7, in 7 sessions",
    ", in 7 sessions",
    "(the first: 7)",
    "likely (7): 7, exactly, and no code makes it shorter",
}
"""Parts of sentences, and the sentence of a drift, which has its own Chinese."""


@pytest.mark.parametrize("module", [*REASONS, *OTHERS], ids=lambda module: module.stem)
def test_every_sentence_that_a_module_can_say_has_a_translation(module: Path) -> None:
    say = translation.say_in("zh")
    for text in sentences(module):
        if text not in PARTS and text not in TEXTS:
            say.words(text)
    assert say.untranslated == set()


@pytest.mark.parametrize("word", [*entries(), *VerdictName, *Status, *Kind, *Tag], ids=str)
def test_every_word_of_a_result_has_a_translation(word: str) -> None:
    assert str(word) in TEXTS


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (VerdictName.LEAK, "在连接结束时取消该任务并等待它结束"),
        (VerdictName.INCONCLUSIVE, "再运行大约 40 次会话"),
        (VerdictName.DEGRADED, "在较空闲的机器上用更多的 --cycles 重新运行"),
        (VerdictName.SERVER_FAILED, "查看 server.log 的结尾"),
        (VerdictName.INTERRUPTED, "重新运行到结束"),
        (VerdictName.FLAT, ""),
    ],
)
def test_the_advice_is_chinese(name: VerdictName, words: str) -> None:
    advice = translation.advice_in("zh", replace(leak_verdict(), name=name))
    assert advice.startswith(words)
    assert bool(advice) == bool(words)


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        (
            "Entries added to `app.histories` in `chat()` (app.py:28) are never removed. Remove "
            "them when the connection ends.",
            "在 `chat()`（app.py:28）中加入 `app.histories` 的条目从未被移除。在连接结束时移除它们",
        ),
        (
            "Entries added to `app.histories` are never removed. Remove them when the message is "
            "answered.",
            "加入 `app.histories` 的条目从未被移除。在消息处理完毕时移除它们",
        ),
        (
            "1.00 entries per session stay in `app.seen`, added in `chat` (app.py:28)",
            "每次会话有 1.00 个条目留在 `app.seen` 中，在 `chat` 中加入（app.py:28）",
        ),
    ],
)
def test_what_a_finding_says_of_a_container_is_chinese(english: str, chinese: str) -> None:
    say = translation.say_in("zh")
    assert say.words(english) == chinese
    assert say.untranslated == set()


def test_the_page_names_advice_chain_and_wait_as_chinese_engineers_do() -> None:
    record = RunRecord.from_lines(scripted_run())
    record.add(replace(record.rests[-1], idle=True))
    page = draw(record, leak_verdict())
    for term in ("处理建议", "引用链", "空闲等待后"):
        assert term in page


def test_what_is_allowed_is_said_in_chinese_and_no_growth_is_called_flat() -> None:
    verdict = leak_verdict()
    gates = {"memory": replace(verdict.gates["memory"], allowed=True)}
    flat = replace(verdict, name=VerdictName.FLAT, gates=gates, findings=())
    page = draw(RunRecord.from_lines(scripted_run()), flat)
    assert "参与判定的检查项都没有增长；已允许：内存" in page
    assert "32MiB 至 32.6MiB" in page or "31.4MiB 至 32.6MiB" in page


def test_several_kinds_are_translated_each() -> None:
    gate = leak_verdict().gates["memory"]
    assert isinstance(gate, MemoryGate)
    assert "大对象、未确认" in draw(RunRecord.from_lines(scripted_run()), leak_verdict())


def test_the_labels_of_metrics_are_words_in_english_too() -> None:
    say = translation.say_in("en")
    assert say.series("gc_objects") == "tracked objects"
    assert say.series("peak") == "peak of a cycle"
