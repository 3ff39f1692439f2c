"""A page over many runs: when, what, the verdict, how much, and a link to each report."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.record.facts import duration_s
from harness.record.record import RunRecord
from harness.reporters.facts import clean, rows, sentence
from harness.reporters.html import page_file
from harness.units import format_time
from harness.verdict.outcome import Verdict

_TEMPLATE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ runs | length }} runs</title>
<style>{{ styles | safe }}</style></head><body>
<h1>{{ runs | length }} runs</h1><div class="wide"><table>
<thead><tr><th>started</th><th>scenario</th><th>verdict</th>
<th class="number">memory per session</th>
<th class="number">sessions</th><th class="number">time</th><th>first finding</th>
</tr></thead><tbody>
{%- for run in runs %}
<tr><td><a href="{{ run.link }}">{{ run.started }}</a></td><td>{{ run.scenario }}</td>
<td class="outcome {{ run.verdict }}" title="{{ run.sentence }}">{{ run.verdict }}</td>
<td class="number">{{ run.growth }}</td>
<td class="number">{{ run.sessions }}</td><td class="number">{{ run.time }}</td>
<td>{{ run.finding }}</td></tr>
{%- endfor %}
</tbody></table></div></body></html>
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One run and its folder."""

    folder: str
    record: RunRecord
    verdict: Verdict


def render(entries: Sequence[Entry], beside: Path) -> bytes:
    """The whole page; links are relative to the folder that it lies in."""
    from jinja2 import Environment, StrictUndefined

    template = Environment(autoescape=True, undefined=StrictUndefined).from_string(_TEMPLATE)
    ordered = sorted(entries, key=lambda one: one.record.started.started_at, reverse=True)
    return clean(
        template.render(runs=[_row(one, beside) for one in ordered], styles=page_file("report.css"))
    ).encode()


def _row(entry: Entry, beside: Path) -> dict[str, str]:
    record, verdict = entry.record, entry.verdict
    memory = next((row for row in rows(verdict) if row.gate == "memory"), None)
    return {
        "link": Path(os.path.relpath(Path(entry.folder) / "report.html", beside)).as_posix(),
        "started": record.started.started_at,
        "scenario": record.started.scenario,
        "verdict": verdict.name,
        "sentence": sentence(verdict),
        "growth": memory.growth if memory else "",
        "sessions": f"{record.sessions:,}",
        "time": format_time(duration_s(record)),
        "finding": verdict.findings[0].summary if verdict.findings else "",
    }
