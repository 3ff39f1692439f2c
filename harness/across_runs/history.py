"""Runs over time, in one SQLite file that many may write to at once."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from harness.errors import RecordNotWritable
from harness.record.record import RunRecord
from harness.verdict.findings import worth_telling
from harness.verdict.gates.cpu import CpuGate
from harness.verdict.gates.latency import LatencyGate
from harness.verdict.gates.memory import MemoryGate
from harness.verdict.outcome import Verdict

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
class Entry:
    """One run, as far as its history needs it."""

    id: str
    """The same for the same run, however often it is added."""
    started_at: str
    revision: str
    """The commit of the folder that the run was started in; empty where that is none."""
    scenario: str
    target: str
    """The server, in words that are the same from run to run: runs of another one are another
    series.
    """
    verdict: str
    sessions: int
    growth_bytes: float | None
    """Of memory, per session."""
    rest_bytes: float | None
    """At rest, before the first session."""
    reply_s: float | None
    idle_cpu_percent: float | None
    findings: dict[str, str]
    """Fingerprint to summary."""
    folder: str

    @classmethod
    def of(cls, record: RunRecord, verdict: Verdict, folder: str) -> Entry:
        """What a run adds to the history."""
        started = record.started
        memory, latency, cpu = (verdict.gates.get(name) for name in ("memory", "latency", "cpu"))
        words = "\n".join(
            [started.started_at, started.scenario, *map(str, sorted(started.target.items()))]
        )
        return cls(
            sha256(words.encode()).hexdigest()[:16],
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


def _leaks(verdict: Verdict) -> dict[str, str]:
    """By fingerprint, however many: one that is left out would be new in one run, and fixed in
    the next.
    """
    findings = worth_telling(verdict.all_findings)
    return {
        finding.fingerprint: finding.summary for finding in findings if finding.severity == "leak"
    }


def server_of(target: Mapping[str, str]) -> str:
    """Which server a run was against: its command, else its address, without the port that it
    had just then.
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
        RecordNotWritable: it cannot be opened or is none.
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

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self._path, timeout=WAIT_S)) as database, database:
                yield database
        except sqlite3.Error as error:
            raise RecordNotWritable(
                f"{self._path}: {error}", hint="is it a history, and may it be written?"
            ) from error

    def add(self, entries: Sequence[Entry]) -> None:
        """Add runs; one that is there already is only brought up to date."""
        names = [name for name in Entry.__slots__ if name not in ("findings", "folder")]
        rows = []
        for entry in entries:
            values = [getattr(entry, name) for name in names]
            rows.append((*values, json.dumps(entry.findings), entry.folder))
        with self._open() as database:
            database.execute("BEGIN IMMEDIATE")
            database.executemany(
                f"INSERT OR REPLACE INTO runs VALUES ({', '.join('?' * 13)})", rows
            )

    def entries(self, scenario: str | None = None) -> list[Entry]:
        """All runs, or those of one scenario, the oldest first."""
        with self._open() as database:
            rows = database.execute(
                "SELECT * FROM runs WHERE ?1 IS NULL OR scenario = ?1 ORDER BY started_at, id",
                (scenario,),
            ).fetchall()
        return [Entry(*(*row[:11], json.loads(row[11]), row[12])) for row in rows]
