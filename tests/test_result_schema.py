"""result.json against the JSON Schema that is shipped with it."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError
from scripted_run import leak_verdict, scripted_run

from harness.judge import judge
from harness.record import RunRecord
from harness.reporters import openmetrics, result_json
from harness.store import load_record

SHIPPED = json.loads(resources.files("harness.reporters").joinpath("page", "result.schema.json").read_text())
RUNS = sorted((Path(__file__).parent / "data" / "corpus").glob("*.jsonl"))


def test_the_schema_that_is_shipped_is_that_of_the_types() -> None:
    assert json.loads(json.dumps(result_json.schema())) == SHIPPED
    Draft202012Validator.check_schema(SHIPPED)


@pytest.mark.parametrize("path", RUNS, ids=lambda path: path.stem)
def test_results_of_stored_runs_are_valid(path: Path) -> None:
    record = load_record(path)
    text = result_json.render(record, judge(record, record.started.policy).verdict)
    Draft202012Validator(SHIPPED).validate(json.loads(text))


def leak() -> dict[str, Any]:
    result: dict[str, Any] = json.loads(result_json.render(RunRecord.from_lines(scripted_run()), leak_verdict()))
    return result


def test_a_leak_with_findings_is_valid_and_a_result_without_a_verdict_is_not() -> None:
    result = leak()
    Draft202012Validator(SHIPPED).validate(result)
    del result["verdict"]
    with pytest.raises(ValidationError):
        Draft202012Validator(SHIPPED).validate(result)


def test_metrics_hold_the_growth_of_each_gate() -> None:
    lines = openmetrics.render(leak() | {"scenario": 'a "quoted" one'}).splitlines()
    assert lines[0] == 'leak_harness_exit_status{scenario="a \\"quoted\\" one"} 1'
    assert any(line.startswith("leak_harness_growth_per_session") and 'gate="memory"' in line for line in lines)
    assert lines[-1] == "# EOF"
