"""Many runs of the same command: which verdicts it gives, after how many sessions, in how long.

python tests/benchmarks/verdicts.py --repeat 20 --out /tmp/verdicts -- plain-chat --fault
every-tenth
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median


@dataclass(frozen=True, slots=True)
class Ran:
    """One run of `leak-harness run`."""

    verdict: str
    status: int
    sessions: int
    wall_s: float
    """From typing the command to its end."""
    growth: float | None
    """Bytes a session."""


def run_once(arguments: list[str], folder: Path) -> Ran:
    """One run into `folder`, which keeps its report."""
    folder.mkdir(parents=True)
    began_s = time.monotonic()
    command = [sys.executable, "-m", "harness", "run", *arguments, "--out", str(folder)]
    with (folder / "output.txt").open("w") as output:
        done = subprocess.run(command, stdout=output, stderr=output, check=False)
    wall_s = time.monotonic() - began_s
    try:
        result = json.loads((folder / "result.json").read_text())
    except FileNotFoundError:
        return Ran("no result", done.returncode, 0, wall_s, None)
    growth = result["gates"]["memory"].get("growth_per_session")
    return Ran(result["verdict"], done.returncode, result["sessions"], wall_s, growth)


def table_row(name: str, runs: list[Ran]) -> str:
    """One line: verdicts, then minimum, median and maximum of sessions and of wall time."""
    counts = Counter(run.verdict for run in runs).most_common()
    verdicts = ", ".join(f"{verdict} {count}" for verdict, count in counts)
    sessions = sorted(run.sessions for run in runs)
    walls_s = sorted(run.wall_s for run in runs)
    growths = [run.growth for run in runs if run.growth is not None]
    grown = f"{median(growths):10.0f} B/session" if growths else ""
    return (
        f"{name:40} {verdicts:32} sessions {sessions[0]}/{median(sessions):.0f}/{sessions[-1]}"
        f"  {walls_s[0]:.0f}/{median(walls_s):.0f}/{walls_s[-1]:.0f}s {grown}"
    )


def main() -> None:
    """Run as the command line says, and print a row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=20)
    parser.add_argument("--parallel", type=int, default=1)
    parser.add_argument(
        "--out", type=Path, required=True, help="a new folder; each run's folder is kept in it"
    )
    parser.add_argument("arguments", nargs="*", help="for leak-harness run, after --")
    options = parser.parse_args()
    with ThreadPoolExecutor(options.parallel) as pool:
        runs = list(
            pool.map(
                lambda n: run_once(options.arguments, options.out / f"{n:03}"),
                range(options.repeat),
            )
        )
    print(table_row(" ".join(options.arguments), runs), flush=True)


if __name__ == "__main__":
    main()
