"""Runs over time, in one SQLite file that many may write to at once."""

from __future__ import annotations

import json
import re
import sqlite3
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from ..errors import RecordNotWritable
from ..record.lines import MAX_REASON
from ..record.record import RunRecord
from ..redaction import printable
from ..verdict.findings import worth_telling
from ..verdict.gates.cpu import CpuGate
from ..verdict.gates.latency import LatencyGate
from ..verdict.gates.memory import MemoryGate
from ..verdict.outcome import Verdict

WAIT_S: Final = 60.0
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS runs (
    id TEXT PRIMARY KEY, started_at TEXT NOT NULL, revision TEXT NOT NULL, scenario TEXT NOT NULL,
    target TEXT NOT NULL, verdict TEXT NOT NULL, sessions INTEGER NOT NULL, growth_bytes REAL,
    rest_bytes REAL, reply_s REAL,
    idle_cpu_percent REAL, findings TEXT NOT NULL, folder TEXT NOT NULL
)
"""


@dataclass(frozen=True, slots=True)
class HistoryRun:
    """One run as the history keeps it, one row of the file."""

    id: str
    """A hash of start time, scenario and target: a run that is added again replaces itself."""
    started_at: str
    """In UTC, as the record says it."""
    revision: str
    """The commit of the folder that the run was started in; empty outside of a repository."""
    scenario: str
    target: str
    """The server, in words that stay from run to run. Each server is a series of its own."""
    verdict: str
    sessions: int
    growth_bytes: float | None
    """Growth of memory per session; None where it was not measured, as in the fields below."""
    rest_bytes: float | None
    """Memory at rest, before the first session."""
    reply_s: float | None
    """Median time of a reply."""
    idle_cpu_percent: float | None
    """CPU at rest at the end of the run, of one core."""
    findings: dict[str, str]
    """Leaks alone, fingerprint to summary."""
    folder: str
    """The run folder."""

    @classmethod
    def of(cls, record: RunRecord, verdict: Verdict, folder: str) -> HistoryRun:
        """What a run adds to the history."""
        started = record.started
        memory, latency, cpu = (verdict.gates.get(name) for name in ("memory", "latency", "cpu"))
        identity = "\n".join(
            [started.started_at, started.scenario, *map(str, sorted(started.target.items()))]
        )
        return cls(
            sha256(identity.encode()).hexdigest()[:16],
            started.started_at,
            started.environment.get("commit", ""),
            started.scenario,
            server_of(started.target),
            verdict.name,
            record.sessions,
            memory.growth_per_session if isinstance(memory, MemoryGate) else None,
            memory.first if isinstance(memory, MemoryGate) else None,
            latency.p50 if isinstance(latency, LatencyGate) else None,
            cpu.idle_last if isinstance(cpu, CpuGate) else None,
            _leaks(verdict),
            folder,
        )


_COLUMNS: Final = tuple(field.name for field in fields(HistoryRun))


def _leaks(verdict: Verdict) -> dict[str, str]:
    """All leaks, fingerprint to summary. One that is left out would look fixed in this run and new
    in the next.
    """
    findings = worth_telling(verdict.all_findings)
    return {
        finding.fingerprint: finding.summary for finding in findings if finding.severity == "leak"
    }


def server_of(target: Mapping[str, str]) -> str:
    """Which server a run was against: its command, else its address. The port of one run is left
    out.
    """
    mode, command = target.get("mode", ""), target.get("command", "")
    try:
        url = urlsplit(target.get("url", ""))
        port, host = url.port, url.hostname or ""
    except ValueError:
        return mode
    if mode == "embedded":
        return " ".join(filter(None, (mode, re.sub(r"^.* --port \d+ ?", "", command))))
    if command:
        return re.sub(rf"(?<!\d){port}(?!\d)", "{port}", command) if port else command
    return " ".join(filter(None, (mode, host and f"{url.scheme}://{host}{url.path}")))


class History:
    """The file.

    Raises:
        RecordNotWritable: it cannot be opened, or is not a history.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RecordNotWritable(
                f"{path.parent} cannot be made: {error.strerror}", hint="give another --db"
            ) from error
        with self._open() as database:
            database.execute(_SCHEMA)
        with suppress(OSError):  # it belongs to somebody else, who has given it its mode
            path.chmod(0o600)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self._path, timeout=WAIT_S)) as database, database:
                yield database
        except sqlite3.Error as error:
            raise RecordNotWritable(
                f"{self._path}: {error}", hint="is it a history, and may it be written?"
            ) from error

    def add(self, entries: Sequence[HistoryRun]) -> None:
        """Add runs. A run that is there already is replaced."""
        rows = [asdict(entry) | {"findings": json.dumps(entry.findings)} for entry in entries]
        values = ", ".join(f":{name}" for name in _COLUMNS)
        with self._open() as database:
            database.execute("BEGIN IMMEDIATE")
            database.executemany(
                f"INSERT OR REPLACE INTO runs ({', '.join(_COLUMNS)}) VALUES ({values})", rows
            )

    def entries(self, scenario: str | None = None) -> list[HistoryRun]:
        """All runs, or those of one scenario, the oldest first."""
        with self._open() as database:
            rows = database.execute(
                f"SELECT {', '.join(_COLUMNS)} FROM runs "
                "WHERE ?1 IS NULL OR scenario = ?1 ORDER BY started_at, id",
                (scenario,),
            ).fetchall()
        entries = [_entry(dict(zip(_COLUMNS, row, strict=True))) for row in rows]
        return [entry for entry in entries if entry is not None]


def _entry(row: dict[str, Any]) -> HistoryRun | None:
    """A row as it was stored; None of one that is damaged, which is told on standard error."""
    try:
        return msgspec.convert(row | {"findings": json.loads(row["findings"])}, HistoryRun)
    except (ValueError, TypeError, RecursionError, msgspec.ValidationError) as error:
        reason = printable(str(error), MAX_REASON).replace("\n", " ")
        print(f"leak-harness: a row of the history is damaged: {reason}", file=sys.stderr)
        return None
