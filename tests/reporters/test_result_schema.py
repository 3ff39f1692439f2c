"""result.json against the JSON Schema that is shipped with it."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib import resources
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import xmlschema
from jsonschema import Draft202012Validator, ValidationError
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from stored_run import leak_verdict, scripted_run

from harness.experiment.exports import send
from harness.record.record import RunRecord
from harness.record.store import load_record
from harness.reporters import junit_xml, openmetrics, result_json
from harness.verdict.judge import judge

SHIPPED = json.loads(
    resources.files("harness.reporters").joinpath("page", "result.schema.json").read_text()
)
RUNS = sorted((Path(__file__).parents[1] / "data" / "corpus").glob("*.jsonl"))


def test_the_schema_that_is_shipped_is_that_of_the_types() -> None:
    assert json.loads(json.dumps(result_json.schema())) == SHIPPED
    Draft202012Validator.check_schema(SHIPPED)


@pytest.mark.parametrize("path", RUNS, ids=lambda path: path.stem)
def test_results_of_stored_runs_are_valid(path: Path) -> None:
    record = load_record(path)
    text = result_json.render(record, judge(record).verdict)
    Draft202012Validator(SHIPPED).validate(json.loads(text))


def leak() -> dict[str, Any]:
    result: dict[str, Any] = json.loads(
        result_json.render(RunRecord.from_lines(scripted_run()), leak_verdict())
    )
    return result


def test_a_leak_with_findings_is_valid_and_a_result_without_a_verdict_is_not() -> None:
    result = leak()
    Draft202012Validator(SHIPPED).validate(result)
    del result["verdict"]
    with pytest.raises(ValidationError):
        Draft202012Validator(SHIPPED).validate(result)


def test_junit_is_what_those_who_read_it_expect() -> None:
    schema = xmlschema.XMLSchema(str(Path(__file__).parents[1] / "data" / "junit.xsd"))
    runs = [(RunRecord.from_lines(scripted_run(failure="x")), leak_verdict())]
    runs += [(record, judge(record).verdict) for record in map(load_record, RUNS)]
    for record, verdict in runs:
        schema.validate(junit_xml.render(record, verdict).decode())


def test_metrics_hold_the_growth_of_each_gate_and_are_typed() -> None:
    scenario = 'a "quoted"\none'
    text = openmetrics.render(leak() | {"scenario": scenario}).decode()
    families = {one.name: one for one in text_string_to_metric_families(text)}  # type: ignore[no-untyped-call]
    assert {one.type for one in families.values()} == {"gauge"}
    (status,) = families["leak_harness_exit_status"].samples
    assert (status.labels, status.value) == ({"scenario": scenario}, 1)
    gates = {
        one.labels["gate"]: one.value for one in families["leak_harness_growth_per_session"].samples
    }
    assert gates["memory"] == leak()["gates"]["memory"]["growth_per_session"]


def test_an_export_for_opentelemetry_is_posted_where_it_is_wanted() -> None:
    posted: list[tuple[str, dict[str, Any]]] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(
                (self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            )
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Collector) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        assert send(f"http://127.0.0.1:{server.server_port}/", leak()) == ""
        server.shutdown()
    ((path, body),) = posted
    (metrics,) = body["resourceMetrics"][0]["scopeMetrics"]
    growth = metrics["metrics"][0]["gauge"]["dataPoints"]
    assert path == "/v1/metrics"
    assert {"key": "gate", "value": {"stringValue": "memory"}} in growth[0]["attributes"]
    assert len(growth[0]["timeUnixNano"]) == 19


def test_a_collector_that_is_away_is_told_and_changes_nothing() -> None:
    assert "refused" in send("http://127.0.0.1:9", leak())
