"""junit.xml: one test case a gate, so that CI shows which one failed."""

from __future__ import annotations

from typing import Final
from xml.etree import ElementTree as ET

from ..record.facts import duration_s
from ..record.record import RunRecord
from ..verdict.outcome import Status, Verdict, VerdictName
from ..verdict.rows import Row
from .contract import RunReports
from .escaping import clean
from .facts import failures, incidents, rows

_ELEMENTS: Final = {
    Status.LEAK: "failure",
    Status.DRIFT: "failure",
    Status.INCONCLUSIVE: "error",
}
_NO_DECISION: Final = frozenset({VerdictName.SERVER_FAILED, VerdictName.INTERRUPTED})


def render(record: RunRecord, verdict: Verdict) -> bytes:
    """The bytes of the whole file."""
    suite = ET.Element(
        "testsuite",
        name="leak-harness",
        timestamp=clean(record.started.started_at.removesuffix("Z")),
    )
    suite.set("time", f"{duration_s(record):.3f}")
    _run_case(suite, record, verdict)
    for row in rows(verdict):
        _gate_case(suite, record, row)
    suite.set("tests", str(len(suite.findall("testcase"))))
    for count, element in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(count, str(len(suite.findall(f"testcase/{element}"))))
    ET.indent(suite)
    xml: bytes = ET.tostring(suite, encoding="utf-8", xml_declaration=True)
    return xml + b"\n"


def _case(suite: ET.Element, record: RunRecord, name: str) -> ET.Element:
    return ET.SubElement(suite, "testcase", classname=clean(record.started.scenario), name=name)


def _say(parent: ET.Element, element: str, message: str) -> None:
    ET.SubElement(parent, element, message=clean(message))


def _run_case(suite: ET.Element, record: RunRecord, verdict: Verdict) -> None:
    """The run itself: an error when there is nothing that the gates could say."""
    case = _case(suite, record, "run")
    if verdict.name in _NO_DECISION:
        _say(case, "error", verdict.summary)
    words = [verdict.summary, *verdict.doubts, *failures(record), *incidents(record)]
    ET.SubElement(case, "system-out").text = clean("\n".join(words))


def _gate_case(suite: ET.Element, record: RunRecord, row: Row) -> None:
    case = _case(suite, record, row.gate)
    numbers_by_name = {
        "growth per session": row.growth,
        "bounds": row.bounds,
        "limit": row.limit,
        "first to last": ", ".join(row.changes),
    }
    numbers = ", ".join(f"{name} {value}" for name, value in numbers_by_name.items() if value)
    message = "; ".join(filter(None, (row.finding, numbers, row.reason)))
    if element := _element(record, row):
        _say(case, element, message)
    else:
        ET.SubElement(case, "system-out").text = clean(message)


def _element(record: RunRecord, row: Row) -> str | None:
    """What says that a gate did not pass; None where it did, or is allowed to fail."""
    if row.outcome == Status.NOT_MEASURED:
        return "skipped"
    return None if row.gate in record.started.policy.allow else _ELEMENTS.get(row.outcome)


FILES: Final[RunReports] = {"junit.xml": render}
