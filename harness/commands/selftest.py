"""`leak-harness selftest`: does the harness still catch every fault and pass every innocent?"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from harness.errors import UsageError
from harness.target.embedded import FaultSpec, fault_specs

HELP = "run every fault and every look-alike, and see whether each is called what it is"
FAULTLESS: Final = FaultSpec(
    "none", "the server as it is", "plain-chat", ("--agent-size", "1MiB"), "flat", innocent=True
)


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


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare this verb's options."""
    parser.add_argument(
        "--only", metavar="NAME", action="append", default=[], help="this one alone; repeatable"
    )
    parser.add_argument(
        "--parallel",
        metavar="N",
        type=int,
        default=os.cpu_count() or 1,
        help="at once (%(default)s)",
    )
    parser.add_argument("--out", metavar="DIR", type=Path, help="keep the run folders there")
    parser.add_argument(
        "--json", action="store_true", help="the cells on standard output, and nothing else there"
    )


def run(options: argparse.Namespace) -> int:
    """Run them all; 1 if one cell is wrong."""
    from harness.record.store import made

    specs = _chosen(options.only)
    if options.out:
        made(options.out)
    cells: list[Cell] = []
    with (
        tempfile.TemporaryDirectory() as scratch,
        ThreadPoolExecutor(max(1, options.parallel)) as pool,
    ):
        waiting = [pool.submit(_try, spec, options.out or Path(scratch)) for spec in specs]
        try:
            for one in as_completed(waiting):
                cells.append(one.result())
                print(_line(cells[-1]), file=sys.stderr, flush=True)
        except KeyboardInterrupt:  # those that run have been told, too; none of the others begins
            pool.shutdown(cancel_futures=True)
            raise
    print(
        json.dumps([asdict(cell) for cell in cells], indent=2) if options.json else _matrix(cells)
    )
    return int(any(cell.wrong for cell in cells))


def wrong(spec: FaultSpec, result: Mapping[str, Any]) -> str:
    """In what a result is not as the fault's spec says; empty where it is."""
    seen = {
        "verdict": (spec.verdict, result["verdict"]),
        "kind": (spec.kind, result["gates"]["memory"]["kind"]),
    }
    if spec.gate is not None:
        told = "drift" if spec.verdict == "degraded" else spec.verdict
        seen[spec.gate] = (told, result["gates"][spec.gate]["outcome"])
    findings = result.get("findings", ())
    if spec.innocent:
        leaks = [one["type"] for one in findings if one["severity"] == "leak"]
        seen["leak findings"] = ("none", ", ".join(leaks) or "none")
    elif spec.finding is not None:
        found = (
            findings[0]
            if findings
            else {"kind": "none", "type": "none", "created_at": "", "created_in": ""}
        )
        file = found["created_at"].rpartition(":")[0]
        seen |= {"finding": (spec.finding, found["kind"]), "type": (spec.type, found["type"])}
        if (
            file or spec.finding != "native"
        ):  # the place of native memory is known where memray is installed
            seen["file"] = (
                spec.file,
                spec.file if spec.file and file.endswith(spec.file) else file,
            )
            seen["function"] = (spec.function, found["created_in"])
    return ", ".join(
        f"{what} {got}, not {told}" for what, (told, got) in seen.items() if told not in (None, got)
    )


def _chosen(names: Iterable[str]) -> list[FaultSpec]:
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
        "harness",
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


def _line(cell: Cell) -> str:
    mark = f"WRONG: {cell.wrong}" if cell.wrong else "ok"
    return (
        f"{cell.name:24} {cell.verdict:14} {cell.sessions:4} sessions {cell.wall_s:6.1f}s  {mark}"
    )


def _matrix(cells: list[Cell]) -> str:
    counts = Counter((cell.expected, cell.verdict) for cell in cells)
    got = sorted({cell.verdict for cell in cells})
    lines = [f"{'expected / got':16}" + "".join(f"{name:>15}" for name in got)]
    for expected in sorted({cell.expected for cell in cells}):
        lines.append(f"{expected:16}" + "".join(f"{counts[expected, name]:15}" for name in got))
    bad = [cell for cell in cells if cell.wrong]
    lines += ["", f"{len(cells) - len(bad)} of {len(cells)} cells are right"]
    lines += [f"{cell.name}: {cell.wrong}" for cell in bad]
    return "\n".join(lines)
