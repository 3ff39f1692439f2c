"""What the kinds of gates and findings mean, where a report shows one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ..verdict.outcome import Kind, Tag

OF_GATES: Final[Mapping[str, str]] = {
    Kind.PLATEAU: "It rose and then stayed level, as a cache or a warm-up does.",
    Kind.STEP: "It rose in one step or a few, and not since.",
    Kind.FILLING: "Containers with a maximum size are filling.",
    Kind.FRAGMENTATION: "Free memory of the heap grows, memory in use does not.",
    Kind.RELEASED_LATE: "It went while the run waited.",
    Kind.PYTHON: "Python objects hold it.",
    Kind.LARGE_OBJECT: "About one large object per session holds it.",
    Kind.NATIVE: "C code holds it, outside of Python objects.",
    Kind.CHILD_PROCESS: "Child processes hold it.",
    Kind.NOT_YET_COLLECTED: "It waits for a garbage collection.",
    Kind.UNATTRIBUTED: "Without the probe it is not known what holds it.",
    Tag.SPARSE: "Only some sessions leak.",
    Tag.ACCELERATING: "Each session leaks more than the one before.",
    Tag.UNCONFIRMED: "The run was too short to confirm it.",
}
"""By kind or tag of a gate."""
OF_FINDINGS: Final[Mapping[str, str]] = {
    "task": "A task that never ends keeps all that it holds.",
    "child-process": "A process that the server started and never ended.",
    "thread": "A thread that never ends, or a pool of threads that nobody shut down.",
    "descriptor": "A file or a socket that is never closed.",
    "garbage": "Objects in reference cycles that are never collected.",
    "container": "A container that gets longer with each session.",
    "object": "Objects that stay after their session.",
    "native": "Memory that no Python object accounts for.",
    "cpu": "Code that runs while no session is open.",
}
"""By kind of a finding."""


def explained(kinds: str) -> list[str]:
    """A sentence for each of several kinds, which are joined by commas."""
    return [OF_GATES[kind] for kind in kinds.split(", ") if kind in OF_GATES]
