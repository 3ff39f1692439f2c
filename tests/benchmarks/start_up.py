"""How long `leak-harness --help` takes, and an unused pytest plugin adds, beside what Python
takes to do nothing.
"""

from __future__ import annotations

import subprocess
import sys
import time
from statistics import median

PLUGIN = (
    "import time, pytest; a = time.perf_counter(); import harness.pytest_plugin; "
    "print(time.perf_counter() - a)"
)


def wall_s(*words: str) -> float:
    """One start of Python."""
    began_s = time.perf_counter()
    subprocess.run([sys.executable, *words], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began_s


def main() -> None:
    """Print the medians of fifteen, in turn, and their ratio to doing nothing."""
    times = [
        (
            wall_s("-c", "pass"),
            wall_s("-m", "harness", "--help"),
            float(subprocess.check_output([sys.executable, "-c", PLUGIN])),
        )
        for _ in range(15)
    ]
    nothing_s, help_s, plugin_s = (median(column) for column in zip(*times, strict=True))
    for name, one_s in (("leak-harness --help", help_s), ("import of the pytest plugin", plugin_s)):
        print(f"{name}: {one_s * 1000:.1f} ms, {one_s / nothing_s:.2f} times `python -c pass`")


if __name__ == "__main__":
    main()
