"""The machine that a run is on, and the commit that it tests."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
from pathlib import Path
from typing import Final

from ..errors import HarnessError, UsageError

OWN_DESCRIPTORS: Final = 60
"""Descriptors of the harness without any session: files, pipes, sockets of the probe, libraries."""
GIT_LIMIT_S: Final = 5.0


def describe_machine() -> dict[str, str]:
    """What a reader of the result needs to know of the machine."""
    about = os.uname()
    return {
        "system": f"{about.sysname} {about.release}",
        "cores": str(os.cpu_count()),
        "load_average": ", ".join(f"{load:.2f}" for load in os.getloadavg()),
    }


def available_memory_bytes() -> int:
    """MemAvailable of /proc/meminfo.

    Raises:
        HarnessError: this is not Linux.
    """
    with contextlib.suppress(OSError, StopIteration):
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    raise HarnessError("/proc/meminfo cannot be read", hint="leak-harness measures on Linux")


def check_descriptors(sessions: int) -> None:
    """See that so many sessions can be connected at the same time.

    Raises:
        UsageError: each takes a descriptor, and this process may not have so many.
    """
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = sessions + OWN_DESCRIPTORS
    if allowed != resource.RLIM_INFINITY and needed > allowed:
        raise UsageError(
            f"{sessions} sessions at once need {needed} descriptors, {allowed} are allowed",
            hint=f"allow more with `ulimit -n {needed}`, or give a smaller --concurrency",
        )


def revision(folder: Path | None) -> dict[str, str]:
    """The commit of a folder, or of the current one; empty where that is not in a repository."""
    words = ["git", "-C", str(folder or "."), "rev-parse", "HEAD"]
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=GIT_LIMIT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return {}
    return {"commit": done.stdout.strip()} if done.returncode == 0 else {}
