"""A gate is one file: a copy of the package with one more file judges, tells and allows it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RUN = ROOT / "tests" / "data" / "runs" / "flat.jsonl"
WEIGHT = '''
"""Sessions that were done, of which a server may be tired."""

from dataclasses import dataclass

from harness.verdict.gate import GateEntry, GateResult
from harness.verdict.outcome import Gate, Status
from harness.verdict.rows import Row
from harness.verdict.rules import Rule, first_answer, source


@dataclass(frozen=True, slots=True)
class WeightGate(Gate):
    """Sessions so far."""

    weighed: int = 0


RULES = (
    Rule(
        "weight.heavy",
        "There was a session: leak.",
        source("gates"),
        lambda situation: Status.LEAK if situation.sessions else None,
        ("sessions",),
    ),
    Rule("weight.light", "There was none: flat.", source("gates"), lambda _: Status.FLAT),
)


def decide(situation):
    status, trace = first_answer(RULES, situation)
    return GateResult(WeightGate(status, "it weighs too much", situation.sessions, trace=trace))


def row(name, gate):
    return Row(name, gate.outcome, growth=f"{gate.weighed} stones", reason=gate.reason)


def summary(name, gate, sessions):
    return f"the server weighs {gate.weighed} stones"


GATE = GateEntry(
    name="weight",
    label_zh="重量",
    order=45,
    result=WeightGate,
    decide=decide,
    row=row,
    summary=summary,
    rules=RULES,
)
'''


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package with one more file in it, and a run that was flat without it."""
    folder = tmp_path_factory.mktemp("copy")
    unwanted = shutil.ignore_patterns("__pycache__")
    for part in ("harness", "scenarios"):
        shutil.copytree(ROOT / part, folder / part, ignore=unwanted)
    (folder / "harness" / "verdict" / "gates" / "weight.py").write_text(WEIGHT)
    stored(folder, "run")
    return folder


def stored(folder: Path, name: str, **policy: object) -> None:
    """A stored run that was held to another policy."""
    first, *rest = RUN.read_text().splitlines(keepends=True)
    started = json.loads(first)
    started["policy"] |= policy
    (folder / name).mkdir()
    (folder / name / "run.jsonl").write_text("".join([json.dumps(started), "\n", *rest]))


def done(copy: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """What the copy says to these words."""
    return subprocess.run(
        [sys.executable, "-m", "harness", *words],
        cwd=copy,
        env=os.environ | {"PYTHONPATH": str(copy), "COLUMNS": "160"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_it_fails_the_run_and_stands_in_every_report(copy: Path) -> None:
    reported = done(copy, "report", "run")
    assert reported.returncode == 1, reported.stderr
    assert reported.stdout.startswith("LEAK  the server weighs 110 stones")
    assert any("weight" in line and "stones" in line for line in reported.stdout.splitlines())
    result = json.loads((copy / "run" / "result.json").read_text())
    assert [*result["gates"]].index("weight") == [*result["gates"]].index("threads") + 1
    assert result["gates"]["weight"]["weighed"] == result["sessions"]
    assert "stones" in (copy / "run" / "report.html").read_text()


def test_its_name_on_the_chinese_page_is_the_one_that_its_file_gives(copy: Path) -> None:
    stored(copy, "chinese")
    assert done(copy, "report", "chinese", "--lang", "zh").returncode == 1
    assert "重量" in (copy / "chinese" / "report.html").read_text()


def test_its_rules_are_told(copy: Path) -> None:
    told = done(copy, "judge", "run", "--why")
    assert "decided by weight.heavy" in told.stdout, told.stderr


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('name="weight"', 'name="cpu"', ("gates/cpu.py", "the gate 'cpu'")),
        ('name="weight"', 'name="tasks"', ("gauges/tasks.py", "the gate 'tasks'")),
        ("order=45", "order=80", ("gates/latency.py", "the order 80", "taken are 10, ")),
        ("GATE =", "GATES =", ("has no GATE",)),
        ('"gates"', '"no-such"', ("no section 'no-such'", "in line", "there are: ")),
        ('    label_zh="重量",\n', "", ("argument: 'label_zh'", "in line")),
    ],
)
def test_a_file_that_does_not_fit_is_named_with_what_to_do(
    copy: Path, old: str, new: str, words: tuple[str, ...]
) -> None:
    path = copy / "harness" / "verdict" / "gates" / "weight.py"
    path.write_text(WEIGHT.replace(old, new))
    try:
        refused = done(copy, "report", "run")
    finally:
        path.write_text(WEIGHT)
    assert refused.returncode == 2
    assert "harness/verdict/gates/weight.py" in refused.stderr
    assert "defect" not in refused.stderr
    assert "Traceback" not in refused.stderr
    for part in words:
        assert part in refused.stderr


def test_it_can_be_allowed(copy: Path) -> None:
    wrong = done(copy, "run", "plain-chat", "--allow", "wait")
    assert wrong.returncode == 2
    assert "weight" in wrong.stderr
    stored(copy, "allowed", allow=["weight"])
    assert done(copy, "report", "allowed").returncode == 0
