"""A metric, a gauge of the probe and a format of a report are one file each: dropped into a copy of
the package, with no other change, they work from the command line to the report.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from server_scripts import ECHO, ECHO_SCENARIO, written

import harness

PACKAGE = Path(harness.__file__).parent
METRIC = '''
"""Regions of memory."""

from harness.record.metrics.contract import CounterLimit, Metric, ProcessFile, Unit


def _lines(text):
    return float(len(text.splitlines()))


METRICS = (
    Metric(
        "regions", Unit.COUNT, "mapped regions of memory", "regions of memory", "内存区域",
        reading=ProcessFile("maps", _lines), gate=CounterLimit("regions", limit=0.5),
    ),
)
'''
GAUGE = '''
"""Modules."""

from . import Entry

METRIC: Entry = {
    "name": "modules", "unit": "count", "meaning": "modules that are imported",
    "label": "modules", "label_zh": "模块", "gate": {"gate": "modules"},
}


def reader():
    import sys

    return lambda: len(sys.modules)
'''
FORMAT = '''
"""words.txt: the verdict alone."""


def render(record, verdict):
    return f"{record.started.scenario}: {verdict.name}".encode()


FILES = {"words.txt": render}
'''


@dataclass(frozen=True)
class Extended:
    """A copy of the package with one more metric, gauge and format, and a run of it."""

    home: Path
    run: Path

    @property
    def result(self) -> dict[str, Any]:
        result: dict[str, Any] = json.loads((self.run / "result.json").read_text())
        return result

    @property
    def samples(self) -> list[dict[str, float]]:
        """The values of each rest sample."""
        lines = map(json.loads, (self.run / "run.jsonl").read_text().splitlines())
        return [line["values"] for line in lines if line["line"] == "rest"]


def command(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "harness", *words],
        cwd=home,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Extended:
    home = tmp_path_factory.mktemp("copy")
    copy = home / "harness"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "record" / "metrics" / "regions.py").write_text(METRIC)
    (copy / "probe" / "gauges" / "modules.py").write_text(GAUGE)
    (copy / "reporters" / "words.py").write_text(FORMAT)
    (home / "echo.py").write_text(ECHO_SCENARIO)
    serve = ["--protocol", "plain", "--serve", written(home, ECHO)]
    plan = ["--cycles", "3", "--sessions", "1", "--no-explain", "--out", "out"]
    done = command(home, "run", "echo.py", *serve, *plan)
    assert done.returncode in (0, 3), done.stderr
    return Extended(home, home / "out")


def test_a_metric_that_is_dropped_in_is_read_of_a_real_process(extended: Extended) -> None:
    assert len(extended.samples) == 4
    assert all(values["regions"] > 20 for values in extended.samples)


def test_a_gauge_that_is_dropped_in_is_read_inside_the_server(extended: Extended) -> None:
    assert all(values["modules"] > 20 for values in extended.samples)


@pytest.mark.parametrize("name", ["regions", "modules"])
def test_a_metric_with_a_limit_makes_a_gate(extended: Extended, name: str) -> None:
    gate = extended.result["gates"][name]
    assert gate["first"] == extended.samples[0][name]
    assert gate["limit"] == (0.5 if name == "regions" else 0.02)


@pytest.mark.parametrize("name", ["regions", "modules"])
def test_a_metric_has_a_chart_with_its_label_in_the_report(extended: Extended, name: str) -> None:
    page = (extended.run / "report.html").read_text()
    label = "regions of memory" if name == "regions" else "modules"
    assert f'<figure id="chart-{name}">\n<figcaption>{label}</figcaption>' in page


def test_a_format_that_is_dropped_in_has_its_file_in_the_run_folder(extended: Extended) -> None:
    words = (extended.run / "words.txt").read_text()
    assert words == f"echo: {extended.result['verdict']}"


def test_a_stored_run_is_drawn_in_chinese_with_the_label_of_the_metric(
    extended: Extended,
) -> None:
    done = command(extended.home, "report", "--lang", "zh", "out")
    assert done.returncode in (0, 3), done.stderr
    assert "<figcaption>内存区域</figcaption>" in (extended.run / "report.html").read_text()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"regions", Unit', '"threads", Unit', ("metrics/processes.py", "the metric 'threads'")),
        ('"regions", Unit', '"modules", Unit', ("gauges/modules.py", "the metric 'modules'")),
        ("METRICS =", "METRIC =", ("has no METRICS",)),
    ],
)
def test_a_file_that_does_not_fit_is_named_with_what_to_do(
    extended: Extended, old: str, new: str, words: tuple[str, ...]
) -> None:
    path = extended.home / "harness" / "record" / "metrics" / "regions.py"
    path.write_text(METRIC.replace(old, new))
    try:
        refused = command(extended.home, "report", "out")
    finally:
        path.write_text(METRIC)
    assert refused.returncode == 2
    assert "harness/record/metrics/regions.py" in refused.stderr
    assert "defect" not in refused.stderr
    for part in words:
        assert part in refused.stderr


def test_the_gate_of_a_new_metric_can_be_allowed(extended: Extended) -> None:
    done = command(extended.home, "run", "echo.py", "--allow", "regions", "--protocol", "morse")
    assert "there is no protocol" in done.stderr  # and not: there is no such gate
