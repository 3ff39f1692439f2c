"""How long `leak-harness --help` takes, as a multiple of what Python takes to do nothing; both in turn."""

from __future__ import annotations

import subprocess
import sys
import time
from statistics import median


def wall_s(*words: str) -> float:
    """One start of Python."""
    began_s = time.perf_counter()
    subprocess.run([sys.executable, *words], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began_s


def main() -> None:
    """Print the medians of fifteen, and their ratio."""
    times = [(wall_s("-m", "harness", "--help"), wall_s("-c", "pass")) for _ in range(15)]
    help_s, nothing_s = (median(column) for column in zip(*times, strict=True))
    print(f"leak-harness --help: {help_s * 1000:.0f} ms, {help_s / nothing_s:.1f} times `python -c pass`")


if __name__ == "__main__":
    main()
