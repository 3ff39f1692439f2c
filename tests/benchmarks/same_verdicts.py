"""The verdicts of two versions of leak-harness on every labelled series and stored run.

python tests/benchmarks/same_verdicts.py OLD/.venv/bin/leak-harness .venv/bin/leak-harness

Prints a line for each difference and a count. The status is 1 where there is a difference.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

DATA: Final = Path(__file__).parents[1] / "data"
CUTS: Final = (0.4, 0.7, 1.0)
"""Each stored run is judged after these shares of its lines."""


def verdicts_of_series(command: str) -> Iterator[tuple[str, str]]:
    """The name of each labelled series, and the line that `judge` prints of it."""
    files = sorted(str(path) for path in (DATA / "series").glob("*_*.csv"))
    done = subprocess.run([command, "judge", *files], capture_output=True, text=True, check=False)
    for line in done.stdout.splitlines():
        name, _, verdict = line.partition(",")
        yield Path(name).name, verdict


def verdicts_of_runs(command: str) -> Iterator[tuple[str, str]]:
    """The name of each stored run with the share of it that was read, and what is said of it."""
    for path in sorted([*(DATA / "runs").glob("*.jsonl"), *(DATA / "corpus").glob("*.jsonl")]):
        lines = path.read_bytes().splitlines(keepends=True)
        for share in CUTS:
            with tempfile.TemporaryDirectory() as folder:
                record = Path(folder) / "run.jsonl"
                record.write_bytes(b"".join(lines[: round(share * len(lines))]))
                subprocess.run([command, "report", folder], capture_output=True, check=False)
                result = json.loads((Path(folder) / "result.json").read_text())
            yield f"{path.name} at {share:.0%}", _said(result)


def _said(result: dict[str, Any]) -> str:
    gates = result["gates"]
    outcomes = [f"{name}={gate['outcome']}" for name, gate in sorted(gates.items())]
    findings = sorted(finding["fingerprint"] for finding in result["findings"])
    kind = gates["memory"].get("kind")
    return " ".join([result["verdict"], str(kind), *outcomes, *findings])


def main() -> int:
    """Compare, and return the status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("before", help="the command leak-harness of the older version")
    parser.add_argument("after", help="the command leak-harness of the newer version")
    options = parser.parse_args()
    before, after = (
        {**dict(verdicts_of_series(command)), **dict(verdicts_of_runs(command))}
        for command in (options.before, options.after)
    )
    different = [name for name in sorted({*before, *after}) if before.get(name) != after.get(name)]
    for name in different:
        print(f"{name}\n  before: {before.get(name)}\n  after:  {after.get(name)}")
    print(f"{len(before)} judged before, {len(after)} after, {len(different)} different")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
