"""Does the harness still catch every fault, and pass every look-alike? One run of each."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ..errors import UsageError
from ..target.embedded import FaultSpec, fault_specs

FAULTLESS: Final = FaultSpec(
    "none", "the server as it is", "plain-chat", ("--agent-size", "1MiB"), "flat", innocent=True
)


_NO_FINDING: Final = {"kind": "none", "type": "none", "created_at": "", "created_in": ""}


@dataclass(frozen=True, slots=True)
class Cell:
    """One fault or look-alike, run once."""

    name: str
    expected: str
    verdict: str
    wrong: str
    """What is not as its FaultSpec says; empty where all is."""
    sessions: int
    wall_s: float


def run_cells(specs: Iterable[FaultSpec], folder: Path, parallel: int) -> Iterator[Cell]:
    """One run of each fault, as they end.

    Args:
        specs: the faults.
        folder: where each run gets a folder.
        parallel: runs at the same time.
    """
    with ThreadPoolExecutor(max(1, parallel)) as pool:
        waiting = [pool.submit(_try, spec, folder) for spec in specs]
        try:
            for done in as_completed(waiting):
                yield done.result()
        except KeyboardInterrupt:  # those that run have been told, too; none of the others begins
            pool.shutdown(cancel_futures=True)
            raise


def wrong(spec: FaultSpec, result: Mapping[str, Any]) -> str:
    """What in a result is not as the spec of the fault says; empty where all is."""
    seen = {
        "verdict": (spec.verdict, result["verdict"]),
        "kind": (spec.kind, result["gates"]["memory"]["kind"]),
    }
    if spec.gate is not None:
        told = "drift" if spec.verdict == "degraded" else spec.verdict
        seen[spec.gate] = (told, result["gates"][spec.gate]["outcome"])
    findings = result.get("findings", ())
    if spec.innocent:
        leaks = [finding["type"] for finding in findings if finding["severity"] == "leak"]
        seen["leak findings"] = ("none", ", ".join(leaks) or "none")
    elif spec.finding is not None:
        seen |= _first_finding(spec, findings[0] if findings else _NO_FINDING)
    return ", ".join(
        f"{what} {got}, not {told}" for what, (told, got) in seen.items() if told not in (None, got)
    )


def _first_finding(
    spec: FaultSpec, finding: Mapping[str, Any]
) -> dict[str, tuple[str | None, str]]:
    """What the spec says of the first finding, next to what was found."""
    file = finding["created_at"].rpartition(":")[0]
    seen = {"finding": (spec.finding, finding["kind"]), "type": (spec.type, finding["type"])}
    if file or spec.finding != "native":  # where native memory comes from, memray alone can tell
        is_there = spec.file and file.endswith(spec.file)
        seen["file"] = (spec.file, spec.file if is_there else file)
        seen["function"] = (spec.function, finding["created_in"])
    return seen


def chosen(names: Iterable[str]) -> list[FaultSpec]:
    """The faults of these names; all of them where none is named.

    Raises:
        UsageError: there is no such fault.
    """
    specs = {FAULTLESS.name: FAULTLESS, **fault_specs()}
    unknown = [name for name in names if name not in specs]
    if unknown:
        raise UsageError(
            f"there is no fault '{unknown[0]}'", hint=f"choose among: {', '.join(specs)}"
        )
    return [specs[name] for name in names] or list(specs.values())


def _try(spec: FaultSpec, out: Path) -> Cell:
    """One run of the command, as a user types it."""
    switch = () if spec is FAULTLESS else ("--fault", spec.name)
    folder = out / spec.name
    command = [
        sys.executable,
        "-m",
        __name__.partition(".")[0],
        "run",
        spec.scenario,
        *spec.options,
        *switch,
        "--json",
        "--out",
        str(folder),
    ]
    began_s = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wall_s = round(time.monotonic() - began_s, 1)
    try:
        result = json.loads(done.stdout)
    except ValueError:
        said = done.stderr.strip().splitlines() or ["nothing"]
        return Cell(
            spec.name, spec.verdict, "none", f"ended with {done.returncode}: {said[-1]}", 0, wall_s
        )
    return Cell(
        spec.name, spec.verdict, result["verdict"], wrong(spec, result), result["sessions"], wall_s
    )


def line(cell: Cell) -> str:
    """One line on a cell."""
    mark = f"WRONG: {cell.wrong}" if cell.wrong else "ok"
    return (
        f"{cell.name:24} {cell.verdict:14} {cell.sessions:4} sessions {cell.wall_s:6.1f}s  {mark}"
    )


def matrix(cells: Sequence[Cell]) -> str:
    """A table of what was expected against what came, then the cells that are wrong."""
    counts = Counter((cell.expected, cell.verdict) for cell in cells)
    got = sorted({cell.verdict for cell in cells})
    lines = [f"{'expected / got':16}" + "".join(f"{name:>15}" for name in got)]
    for expected in sorted({cell.expected for cell in cells}):
        lines.append(f"{expected:16}" + "".join(f"{counts[expected, name]:15}" for name in got))
    bad = [cell for cell in cells if cell.wrong]
    lines += ["", f"{len(cells) - len(bad)} of {len(cells)} cells are right"]
    lines += [f"{cell.name}: {cell.wrong}" for cell in bad]
    return "\n".join(lines)
