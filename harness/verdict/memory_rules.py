"""The first table of the memory gate: do the bytes grow?

It asks malloc in use, which is exact, then what grows outside it. Objects of 512 bytes
or less live in Python's own arenas, which malloc does not count: they can hold the growth only
where blocks grow, too. What nobody uses is the heap's own. Each paragraph of docs/verdict.md that
is named derives its rule.
"""

from __future__ import annotations

from typing import Final

from ..units import format_size
from .early_rules import EARLY_RULES
from .evidence import Evidence
from .guard_rules import GUARD_RULES
from .memory_answer import MemoryAnswer
from .memory_facts import MemoryFacts
from .metric_rules import RELEASED, Standing
from .outcome import Kind, Status
from .rules import Rule, source

WITHOUT_CACHES: Final = (
    "--env GLIBC_TUNABLES=glibc.malloc.tcache_count=0 keeps the caches of its threads empty"
)
"""How a run does without the caches of malloc, and what may be in them."""
USED_AGAIN: Final = MemoryAnswer(
    Standing(
        Status.FLAT,
        "grew, and what was released while the run waited is used again",
        released=True,
    ),
    kind=Kind.RELEASED_LATE,
)


def _grows(facts: MemoryFacts, by: str, growth: Evidence) -> MemoryAnswer:
    return MemoryAnswer(growth.standing, by, confirmed=facts.sessions >= facts.guard_sessions)


def _released(by: str, growth: Evidence) -> MemoryAnswer:
    return MemoryAnswer(growth.standing, by, Kind.RELEASED_LATE)


def _thread_caches(facts: MemoryFacts) -> MemoryAnswer | None:
    caches, malloc = facts.thread_caches, facts.malloc
    if caches is None or malloc is None or not malloc.standing.growing:
        return None
    if facts.is_growing_in_python or not caches.may_hold_growth:
        return None
    held = format_size(caches.max_bytes)
    words = f"malloc in use grows, which the caches of its threads may hold (up to {held})"
    return MemoryAnswer(Standing(Status.INCONCLUSIVE, f"{words}; {WITHOUT_CACHES}"), "malloc")


def _malloc_grows(facts: MemoryFacts) -> MemoryAnswer | None:
    if facts.malloc is None or not facts.malloc.standing.growing:
        return None
    return _grows(facts, "malloc", facts.malloc)


def _outside_grows_unseen(facts: MemoryFacts) -> MemoryAnswer | None:
    by = facts.growing_outside
    if by is None or facts.malloc is not None:
        return None
    return _grows(facts, by, facts.bytes_by[by])


def _small_objects_grow(facts: MemoryFacts) -> MemoryAnswer | None:
    by = facts.growing_outside
    if by is None or not facts.small_objects_explain_outside:
        return None
    return _grows(facts, by, facts.bytes_by[by])


def _reuse_explains_growth(facts: MemoryFacts) -> MemoryAnswer | None:
    if facts.in_use_is_open or facts.is_fragmentation or not facts.reuse_explains_outside:
        return None
    return USED_AGAIN


def _reuse_is_open(facts: MemoryFacts) -> MemoryAnswer | None:
    by, reuse = facts.growing_outside, facts.reuse
    if by is None or facts.in_use_is_open or facts.is_fragmentation or reuse is None:
        return None
    if facts.reuse_is_long or reuse.is_over or not facts.may_reuse_show:
        return None
    if facts.bytes_by[by].standing.status is not Status.LEAK:
        return None
    words = f"{by} stays up after a late release; whether sessions use it again is open"
    return MemoryAnswer(Standing(Status.INCONCLUSIVE, words), by)


def _native_grows(facts: MemoryFacts) -> MemoryAnswer | None:
    by = facts.growing_outside
    if by is None or facts.in_use_is_open or facts.is_fragmentation:
        return None
    return _grows(facts, by, facts.bytes_by[by])


def _free_after_release(facts: MemoryFacts) -> MemoryAnswer | None:
    by = facts.growing_outside
    if by is None or facts.in_use_is_open or not facts.malloc_was_released:
        return None
    return MemoryAnswer(RELEASED, by, Kind.RELEASED_LATE)


def _fragmentation_fails(facts: MemoryFacts) -> MemoryAnswer | None:
    by = facts.growing_outside
    if by is None or facts.in_use_is_open or not facts.fails_on_fragmentation:
        return None
    standing = facts.bytes_by[by].standing
    told = Standing(standing.status, _fragmented(facts, by), suspect=standing.suspect)
    return MemoryAnswer(told, by, Kind.FRAGMENTATION)


def _fragmentation(facts: MemoryFacts) -> MemoryAnswer | None:
    by = facts.growing_outside
    if by is None or facts.in_use_is_open:
        return None
    return MemoryAnswer(Standing(Status.FLAT, _fragmented(facts, by)), by, Kind.FRAGMENTATION)


def _fragmented(facts: MemoryFacts, by: str) -> str:
    growth = format_size(facts.bytes_by[by].rate or 0)
    return f"{by} grows by {growth} per session, while what is in use does not"


def _released_late(facts: MemoryFacts) -> MemoryAnswer | None:
    if facts.not_flat:
        return None
    released = (by for by, growth in facts.bytes_by.items() if growth.standing.released)
    by = next(released, None)
    return None if by is None else _released(by, facts.bytes_by[by])


def _flat(facts: MemoryFacts) -> MemoryAnswer | None:
    return None if facts.not_flat else MemoryAnswer(Standing(Status.FLAT))


def _held_free(facts: MemoryFacts) -> MemoryAnswer | None:
    if facts.growing_outside is not None or not facts.is_held_free:
        return None
    if facts.malloc is None or not facts.malloc_was_released:
        return None
    return _released("malloc", facts.malloc)


def _reuse_explains_open(facts: MemoryFacts) -> MemoryAnswer | None:
    if facts.growing_outside is not None or not facts.malloc_rests:
        return None
    return USED_AGAIN if facts.reuse_explains_open else None


def _pages_come_and_go(facts: MemoryFacts) -> MemoryAnswer | None:
    if not facts.is_past_guard or facts.growing_outside is not None:
        return None
    if not facts.outside_is_level_but_for_falls:
        return None
    words = f"{' and '.join(facts.not_flat)} rise and fall, while what is in use does not grow"
    return MemoryAnswer(Standing(Status.FLAT, words))


def _heap_comes_and_goes(facts: MemoryFacts) -> MemoryAnswer | None:
    if not facts.is_past_guard or facts.growing_outside is not None:
        return None
    if not facts.outside_is_level_but_for_free_heap:
        return None
    words = "rise and fall with the free memory of the heap, while what is in use does not grow"
    return MemoryAnswer(Standing(Status.FLAT, f"{' and '.join(facts.not_flat)} {words}"))


def _blocks_settle(facts: MemoryFacts) -> MemoryAnswer | None:
    if facts.growing_outside is not None or facts.blocks is None:
        return None
    if not facts.outside_is_near_the_limit:
        return None
    return _grows(facts, facts.outside[0], facts.blocks)


def _in_use_is_open(facts: MemoryFacts) -> MemoryAnswer | None:
    by = facts.growing_outside
    if by is None:
        return None
    words = f"{by} grows; whether what is in use does, is open"
    return MemoryAnswer(Standing(Status.INCONCLUSIVE, words))


def _still_open(facts: MemoryFacts) -> MemoryAnswer:
    metrics_by_reason: dict[str, list[str]] = {}
    for by, growth in facts.not_flat.items():
        metrics_by_reason.setdefault(growth.standing.reason, []).append(by)
    words = [f"{', '.join(metrics)}: {reason}" for reason, metrics in metrics_by_reason.items()]
    if facts.thread_caches is not None and "malloc" in facts.not_flat and facts.is_past_guard:
        words.append(WITHOUT_CACHES)
    return MemoryAnswer(Standing(Status.INCONCLUSIVE, "; ".join(words)))


_IN_USE: Final = source("memory-that-is-in-use")
_OUTSIDE: Final = source("memory-outside-malloc")
_REUSE: Final = source("pages-that-are-used-again")
_LATE: Final = source("late-releases")
_MALLOC: Final = ("malloc_bytes_per_session", "malloc_limit_bytes")
_STEADY: Final = ("malloc_steady_share", "malloc_even_share", "sessions_per_thread")
_GROWTH: Final = ("growth_bytes_per_session", "limit_bytes")
_OBJECTS: Final = ("outside_bytes_per_session", "small_objects_bytes_per_session", "limit_bytes")
_FREE: Final = ("tail_growth_bytes", "tail_free_growth_bytes", "is_fragmentation")
_PAGES: Final = ("reuse_sessions", "min_reuse_sessions")

MEMORY_RULES: Final[tuple[Rule[MemoryFacts, MemoryAnswer], ...]] = (
    *GUARD_RULES,
    Rule(
        "memory.thread-caches",
        "Malloc in use grows in a server with threads, and nothing of Python does. The growth "
        "since session 20 is no more than malloc's caches of all threads can hold. It gets slower "
        "or is uneven, or there were fewer than 10 sessions for each thread: open.",
        source("caches-of-malloc-in-threads"),
        _thread_caches,
        (*_MALLOC, "malloc_grown_bytes", "thread_caches_bytes", *_STEADY),
    ),
    Rule(
        "memory.malloc-grows",
        "Malloc in use grows by more than half of the limit per session: leak, once waited for.",
        _IN_USE,
        _malloc_grows,
        _MALLOC,
    ),
    Rule(
        "memory.outside-grows-unseen",
        "USS or RSS grows by more than the limit, and malloc could not be read: leak, once waited "
        "for.",
        _OUTSIDE,
        _outside_grows_unseen,
        _OBJECTS,
    ),
    Rule(
        "memory.small-objects-grow",
        "USS or RSS grows, and blocks of at most 512 bytes grow by enough to hold half of that: "
        "leak, once waited for.",
        _OUTSIDE,
        _small_objects_grow,
        _OBJECTS,
    ),
    Rule(
        "memory.reuse-explains-growth",
        "USS or RSS grew, but is level over 64 sessions or more that fill what a wait has left "
        "free: released late.",
        _REUSE,
        _reuse_explains_growth,
        (*_PAGES, *_FREE),
    ),
    Rule(
        "memory.reuse-is-open",
        "USS or RSS stays up after a late release, and fewer than 64 sessions have shown whether "
        "they use it again: open.",
        _REUSE,
        _reuse_is_open,
        _PAGES,
    ),
    Rule(
        "memory.native-grows",
        "USS or RSS grows, what Python and malloc use does not, and free memory of the heap is "
        "less than half of it: leak, once waited for.",
        _OUTSIDE,
        _native_grows,
        (*_OBJECTS, *_FREE),
    ),
    Rule(
        "memory.free-after-release",
        "At least half of what RSS grew by is free memory of the heap, and a wait took what malloc "
        "had in use: released late.",
        _LATE,
        _free_after_release,
        _FREE,
    ),
    Rule(
        "memory.fragmentation-fails",
        "At least half of what RSS grew by is free memory of the heap, and `--fail-on "
        "fragmentation` asks for it: leak, once waited for.",
        _OUTSIDE,
        _fragmentation_fails,
        _FREE,
    ),
    Rule(
        "memory.fragmentation",
        "At least half of what RSS grew by is free memory of the heap: flat, fragmentation.",
        _OUTSIDE,
        _fragmentation,
        _FREE,
    ),
    Rule(
        "memory.released-late",
        "Malloc in use, USS and RSS are all flat, and a wait took what one of them had grown by: "
        "released late.",
        _LATE,
        _released_late,
        _GROWTH,
    ),
    Rule(
        "memory.flat",
        "Malloc in use, USS and RSS are all flat. USS may stay open where RSS, which contains it, "
        "is flat.",
        _IN_USE,
        _flat,
        (*_GROWTH, *_MALLOC),
    ),
    Rule(
        "memory.held-free",
        "A wait took what malloc had in use, and at least half of what RSS grew by from wait to "
        "wait is free memory of the heap: released late.",
        _LATE,
        _held_free,
        ("is_held_free",),
    ),
    Rule(
        "memory.reuse-explains-open",
        "What is open is level over 64 sessions or more that fill what a wait has left free: "
        "released late.",
        _REUSE,
        _reuse_explains_open,
        _PAGES,
    ),
    Rule(
        "memory.pages-come-and-go",
        "After the guard, malloc in use is flat and small objects do not grow. Two looks exclude "
        "growth of USS and RSS over the limit but for one or two falls, and from the first fall of "
        "the run to the last there is none: flat.",
        source("saw-teeth-that-are-not-whole"),
        _pages_come_and_go,
        ("bound_of_two_looks", "limit_bytes", *_MALLOC),
    ),
    Rule(
        "memory.heap-comes-and-goes",
        "After the guard, malloc in use is flat and small objects do not grow. USS and RSS do not "
        "rise by more than the limit, and two looks exclude such growth once the free memory of "
        "the heap is taken off: flat.",
        source("saw-teeth-that-are-not-whole"),
        _heap_comes_and_goes,
        ("outside_bytes_per_session", "limit_bytes", *_MALLOC),
    ),
    Rule(
        "memory.blocks-settle",
        "USS and RSS grow by more than the limit but too coarsely to be sure, and small objects "
        "that explain half of it surely grow: leak, once waited for.",
        _OUTSIDE,
        _blocks_settle,
        _OBJECTS,
    ),
    *EARLY_RULES,
    Rule(
        "memory.in-use-is-open",
        "USS or RSS grows, and whether malloc in use or small objects do is open: open.",
        _OUTSIDE,
        _in_use_is_open,
        _OBJECTS,
    ),
    Rule(
        "memory.open",
        "Malloc in use, USS or RSS is open: open.",
        _IN_USE,
        _still_open,
        (*_GROWTH, *_MALLOC),
    ),
)
"""Do the bytes grow? In order: the first that answers decides."""
