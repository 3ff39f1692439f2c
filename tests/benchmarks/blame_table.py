"""Whom `leak-harness blame` names for every fault with an action, every look-alike and the
faultless server.

python tests/benchmarks/blame_table.py --out /tmp/blame

A run whose folder is there already is not run again: its record is looked at anew.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from harness.blame.blame import Blame, Share, blame
from harness.blame.regression import CONFIDENCE
from harness.experiment.selftest import FAULTLESS
from harness.record.store import load_record
from harness.reporters.blame_text import figure
from harness.target.embedded import FaultSpec, fault_specs

HEAD = (
    "| fault | true action | blamed | right? | what it leaves | others not about 0 | cycles | "
    "seconds |"
)


@dataclass(frozen=True, slots=True)
class Row:
    """One run."""

    spec: FaultSpec
    blame: Blame
    wall_s: float

    @property
    def action(self) -> str:
        """The true one."""
        return self.spec.action or "nobody"

    @property
    def blamed(self) -> str:
        return (
            ", ".join([*self.blame.guilty, *(["second"] if self.blame.with_time else [])])
            or "nobody"
        )

    @property
    def others(self) -> list[Share]:
        """What innocent actions leave by themselves."""
        return [
            share
            for share in self.blame.shares
            if share.action != self.spec.action and not share.more_of
        ]

    @property
    def cells(self) -> list[str]:
        guilty = [share for share in self.blame.shares if share.guilty]
        off = [
            f"{share.label} {figure(share)}" for share in self.others if not share.may_be_nothing
        ]
        return [
            self.spec.name,
            self.action,
            self.blamed,
            "yes" if self.blamed == self.action else "**NO**",
            "; ".join(f"{share.label} {figure(share)}" for share in guilty) or "-",
            "; ".join(off) or "-",
            str(self.blame.cycles),
            f"{self.wall_s:.0f}",
        ]


def look(spec: FaultSpec, out: Path, seed: int) -> Row:
    """Run the command as a user types it, unless it has been."""
    folder, took = out / spec.name, out / f"{spec.name}.seconds"
    if not took.exists():
        switch = () if spec.name == FAULTLESS.name else ("--fault", spec.name)
        command = [sys.executable, "-m", "harness", "blame", spec.scenario, *spec.options, *switch]
        began_s = time.monotonic()
        with (out / f"{spec.name}.txt").open("w") as output:
            subprocess.run(
                [*command, "--seed", str(seed), "--out", str(folder)],
                stdout=output,
                stderr=output,
                check=False,
            )
        took.write_text(f"{time.monotonic() - began_s:.1f}")
    row = Row(spec, blame(load_record(folder)), float(took.read_text()))
    print(
        f"{spec.name:28} {row.action:16} {row.blamed:24} {row.blame.cycles:3} cycles "
        f"{row.wall_s:4.0f} s",
        flush=True,
    )
    return row


def main() -> None:
    """Print the table, and how often an innocent interval misses nothing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", action="append", default=[], help="this one alone; repeatable")
    parser.add_argument("--seed", type=int, default=0, help="another one is another schedule")
    parser.add_argument("--parallel", type=int, default=2)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    specs = [spec for spec in fault_specs().values() if spec.action or spec.innocent]
    specs = [spec for spec in (FAULTLESS, *specs) if not options.only or spec.name in options.only]
    with ThreadPoolExecutor(options.parallel) as pool:
        rows = list(pool.map(lambda spec: look(spec, options.out, options.seed), specs))
    print(f"\n{HEAD}\n{'|---' * HEAD.count(' | ')}|---|")
    for row in rows:
        print(f"| {' | '.join(row.cells)} |")
    others = [
        share for row in rows if row.spec.action or row.spec is FAULTLESS for share in row.others
    ]
    missed = sum(not share.may_be_nothing for share in others)
    right = sum(row.blamed == row.action for row in rows)
    print(f"\n{right} of {len(rows)} right.")
    print(
        f"{missed} of {len(others)} intervals of innocent actions exclude 0; "
        f"{1 - CONFIDENCE:.2%} are to be expected."
    )


if __name__ == "__main__":
    main()
