"""Results for systems that watch: a file for Prometheus, a call to an OpenTelemetry collector."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from ..errors import RecordNotWritable
from ..record.store import write_whole
from ..reporters import openmetrics, otlp
from .options import OutputOptions
from .runs import Tell

LIMIT_S: Final = 10.0
"""Seconds until a collector has to answer."""


def export(result_file: Path, output: OutputOptions, tell: Tell) -> None:
    """Send a result where the options say. What cannot be sent is told, and changes no verdict."""
    if not output.textfile and not output.otlp:
        return
    result = json.loads(result_file.read_text(encoding="utf-8"))
    if output.textfile:
        try:
            write_whole(output.textfile, openmetrics.render(result))
        except RecordNotWritable as error:
            tell(f"leak-harness: --textfile: {error.what}")
    if output.otlp and (problem := send(output.otlp, result)):
        tell(f"leak-harness: --otlp {output.otlp}: {problem}")


def send(url: str, result: dict[str, Any]) -> str:
    """Send a result to a collector; why that failed, empty where it did not."""
    import httpx  # noqa: PLC0415 - slow to import, and few runs need it

    try:
        answer = httpx.post(
            f"{url.rstrip('/')}/v1/metrics",
            content=otlp.render(result),
            headers={"Content-Type": "application/json"},
            timeout=LIMIT_S,
        )
        answer.raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return str(error)
    return ""
