"""What grows, in the words in which the probe is asked about it."""

from __future__ import annotations

from ..probe.wire import Target
from ..verdict.container_lengths import is_place
from ..verdict.what_grows import ZOMBIE, Growth


def target_of(growth: Growth) -> Target | None:
    """What the probe is asked; None of what it knows nothing about."""
    match growth.kind:
        case "task":
            assert growth.task is not None, "tasks come with their group"
            return Target(
                key=growth.key,
                kind="task",
                coroutine=growth.task.coroutine,
                made_at=growth.made_at,
            )
        case "thread" | "object":
            return Target(key=growth.key, kind=growth.kind, name=growth.name)
        case "child-process" | "descriptor" if growth.words:
            kind = "started" if growth.label == ZOMBIE else "opened"
            return Target(key=growth.key, kind=kind, words=growth.words)
        case "container":
            number = growth.key.partition(":")[2]
            kind = "place" if is_place(int(number)) else "container"
            return Target(key=growth.key, kind=kind, id=number)
    return None
