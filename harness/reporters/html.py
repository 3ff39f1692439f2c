"""report.html: one file that opens offline. Everything in it is escaped: names and failures are a server's words."""

from __future__ import annotations

from base64 import b64encode
from importlib import resources
from typing import Final

import msgspec

from harness.record import RunRecord
from harness.reporters import plots
from harness.reporters.facts import account, clean, failures, incidents, rows, sentence
from harness.verdict import Verdict

_TEMPLATE: Final = "report.html.j2"
_COMMAND: Final = "command_line"
"""The entry of a target that holds what the user typed."""


def render(record: RunRecord, verdict: Verdict) -> bytes:
    """The whole file."""
    from jinja2 import Environment, StrictUndefined

    source = resources.files(__package__).joinpath(_TEMPLATE).read_text(encoding="utf-8")
    template = Environment(autoescape=True, undefined=StrictUndefined).from_string(source)
    target = record.started.target
    html = template.render(
        record=record,
        verdict=verdict,
        sentence=sentence(verdict),
        account=account(record),
        rows=rows(verdict),
        plots={name: b64encode(draw(record, verdict)).decode() for name, draw in plots.FILES.items()},
        incidents=incidents(record),
        failures=failures(record),
        command=target.get(_COMMAND, ""),
        target={name: value for name, value in target.items() if name != _COMMAND},
        policy={
            name: value
            for name, value in msgspec.to_builtins(record.started.policy).items()
            if value not in (None, [], {}, ())
        },
    )
    return clean(html).encode()


FILES: Final = {"report.html": render}
