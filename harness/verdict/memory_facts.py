"""What the rules of the memory gate compare: computed once for each judgement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ..record.facts import reported_metric
from ..record.metrics import names
from ..record.record import MemoryStop
from .bounded_growth import Filling
from .early_growth import early_threshold, taken_at_stop
from .evidence import Evidence, evidence, lasting_rate, went_with_collection
from .growth_rates import steady_growth
from .heap_swings import level_without_free_heap
from .kinds import SMALL_BLOCK_BYTES, is_fragmentation
from .look_schedule import STEP_SPAN_SESSIONS
from .page_reuse import PageReuse, tail_growths
from .situation import Situation
from .suspects import Unsure, unsure
from .thread_caches import ThreadCaches, is_growing_in_python
from .waits import AfterWait, after_wait, may_wait

MALLOC_SHARE: Final = 0.5
"""Share of the limit that malloc in use is held to: it is exact (docs/verdict.md#constants)."""
USUAL_BLOCK_BYTES: Final = 64
"""Bytes: less than a small object of Python takes on average, so what so many take at least."""
SMALL_OBJECTS_SHARE: Final = 0.5
"""Share of the growth outside malloc that small objects must be able to hold to explain it."""
METRIC_OF: Final = {"malloc": names.MALLOC_IN_USE, "uss": names.USS, "rss": names.RSS}
"""The metric of each name that the gate says it was decided by."""


@dataclass(frozen=True, slots=True)
class MemoryFacts:
    """Bytes, and what may explain that they grow. Rates are per session, over the tail."""

    bytes_by: Mapping[str, Evidence]
    """How `malloc`, `uss` and `rss` stand, those that were read."""
    reported: str
    """`uss`, or `rss` where the system does not say USS."""
    blocks: Evidence | None
    """How the number of Python's memory blocks stands."""
    sessions: int
    guard_sessions: int
    small_objects_per_session: float
    """Small objects more; 0 where containers with a maximum account for them."""
    tail_growth_bytes: float
    """Of RSS, over the tail."""
    tail_free_growth_bytes: float | None
    """Of what malloc holds and nobody uses, over the same tail."""
    is_fragmentation: bool
    """The free memory of the heap accounts for the growth of RSS."""
    fails_on_fragmentation: bool
    reuse: PageReuse | None
    """Sessions that fill again what a wait has left free."""
    may_reuse_show: bool
    """The run can go on, so that later sessions can tell whether they use those pages."""
    is_held_free: bool
    """What RSS has grown by between two waits is memory that malloc holds and nobody uses."""
    over_budget: bool
    early_threshold_bytes: float | None
    """Growth at which a run that stops early may call it; None where the run does not."""
    early_threshold: str
    """What that is, in words."""
    growth_bytes: float
    """Of the reported metric, over the whole run."""
    is_steady: bool
    """Its growth is spread over the run."""
    early_wait: AfterWait
    """What waiting has shown of the growth up to the latest sample."""
    filling: Filling | None
    """Containers with a maximum that get longer."""
    unsure: Unsure | None
    """Containers that get longer and may have a maximum."""
    lasting_bytes_per_session: float
    """Growth, less what a wait took, of the metrics that are shown to grow: the largest. Of the
    reported metric where none is.
    """
    budget_bytes: float
    """Growth at which a run stops."""
    stop: MemoryStop | None
    """Where the memory guard has ended the run."""
    stop_bytes_per_session: float | None
    """RSS that each connected session had taken then, since the sample before."""
    gone_with_collection: frozenset[str]
    """Of `malloc`, `uss` and `rss`: what one collection at the end took."""
    thread_caches: ThreadCaches | None
    """What malloc keeps for each thread; None in a server with one thread."""
    is_growing_in_python: bool
    """Objects, small blocks or containers grow as well: what caches of malloc do not explain."""
    level_without_free_heap: frozenset[str]
    """Of `uss` and `rss`: what is flat but for the free memory of the heap."""

    @classmethod
    def of(cls, situation: Situation, limit_bytes: float) -> MemoryFacts | None:
        """Read them off the record; None where neither USS nor RSS was read.

        Args:
            situation: where the run is.
            limit_bytes: growth per session that is still flat.
        """
        bytes_by = _bytes_by(situation, limit_bytes)
        name = reported_metric(situation.record)
        if name not in bytes_by:
            return None
        reported = bytes_by[name]
        blocks = evidence(situation, names.BLOCKS, limit_bytes / SMALL_BLOCK_BYTES)
        growing = [growth for growth in bytes_by.values() if growth.standing.growing]
        growth, free_growth = tail_growths(situation)
        reuse = PageReuse.of(situation)
        series = reported.series
        threshold, threshold_words = early_threshold(situation, float(series.x[0]))
        return cls(
            bytes_by=bytes_by,
            reported=name,
            blocks=blocks,
            sessions=situation.sessions,
            guard_sessions=situation.full_guard,
            small_objects_per_session=_small_objects(situation, blocks),
            tail_growth_bytes=growth,
            tail_free_growth_bytes=free_growth,
            is_fragmentation=is_fragmentation(growth, free_growth),
            fails_on_fragmentation="fragmentation" in situation.policy.fail_on,
            reuse=reuse,
            may_reuse_show=may_wait(situation) and not situation.final,
            is_held_free=_is_held_free(situation),
            over_budget=situation.over_budget,
            early_threshold_bytes=threshold,
            early_threshold=threshold_words,
            growth_bytes=float(series.x[-1] - series.x[0]),
            is_steady=steady_growth(series.t, series.x),
            early_wait=after_wait(situation, name, series, reported.limit, int(series.cycles[-1])),
            filling=situation.filling,
            budget_bytes=situation.policy.memory_budget_bytes,
            stop=situation.record.memory_stop,
            stop_bytes_per_session=taken_at_stop(situation),
            unsure=unsure(situation.record),
            lasting_bytes_per_session=max(
                lasting_rate(situation, growth) for growth in growing or [reported]
            ),
            gone_with_collection=frozenset(
                by for by, growing in bytes_by.items() if went_with_collection(situation, growing)
            ),
            thread_caches=ThreadCaches.of(situation.record),
            is_growing_in_python=is_growing_in_python(situation, blocks),
            level_without_free_heap=level_without_free_heap(situation, bytes_by),
        )

    @property
    def is_past_guard(self) -> bool:
        """As many sessions are done as a leak needs to be declared in a long run."""
        return self.sessions >= self.guard_sessions

    @property
    def malloc(self) -> Evidence | None:
        """How malloc in use stands; None where it was not read."""
        return self.bytes_by.get("malloc")

    @property
    def outside(self) -> list[str]:
        """Those of `uss` and `rss` that were read."""
        return [by for by in ("uss", "rss") if by in self.bytes_by]

    @property
    def growing_outside(self) -> str | None:
        """The first of `uss` and `rss` that grows."""
        growing = (by for by in self.outside if self.bytes_by[by].standing.growing)
        return next(growing, None)

    @property
    def not_flat(self) -> dict[str, Evidence]:
        """What holds up a flat verdict. USS that neither grows nor rests does not where RSS, which
        contains it, is flat: it moves by hundreds of KiB whenever another process maps, or lets go,
        the same libraries.
        """
        rss, uss = self.bytes_by.get("rss"), self.bytes_by.get("uss")
        rss_is_flat = rss is not None and rss.standing.not_growing
        contained = rss_is_flat and uss is not None and not uss.standing.growing
        return {
            by: growth
            for by, growth in self.bytes_by.items()
            if not growth.standing.not_growing and not (by == "uss" and contained)
        }

    @property
    def malloc_rests(self) -> bool:
        """Malloc in use was read, and is shown not to grow."""
        return self.malloc is not None and self.malloc.standing.not_growing

    @property
    def malloc_was_released(self) -> bool:
        """A wait took what malloc in use had grown by."""
        return self.malloc is not None and self.malloc.standing.released

    @property
    def in_use_is_open(self) -> bool:
        """Whether what is in use grows is not known yet: of malloc, or of small objects."""
        blocks_open = self.blocks is not None and self.blocks.standing.open
        return self.malloc is not None and (not self.malloc_rests or blocks_open)

    def small_objects_explain(self, growth: Evidence) -> bool:
        """Whether small objects may hold half of a growth outside malloc or more."""
        held = self.small_objects_per_session * SMALL_BLOCK_BYTES
        return held > 0 and held >= SMALL_OBJECTS_SHARE * (growth.rate or 0)

    @property
    def small_objects_explain_outside(self) -> bool:
        """Whether small objects may hold what grows outside."""
        by = self.growing_outside
        return by is not None and self.small_objects_explain(self.bytes_by[by])

    @property
    def outside_is_near_the_limit(self) -> bool:
        """Bytes outside grow by more than the limit, but in pages too coarse to be sure; an exact
        count of the small objects that explain it is sure. One jump is not growth.
        """
        if self.blocks is None or not self.blocks.standing.growing:
            return False
        return all(self._is_near_the_limit(self.bytes_by[by]) for by in self.outside)

    def _is_near_the_limit(self, growth: Evidence) -> bool:
        return (
            growth.trend.latest is not None
            and growth.trend.latest.rate_without_jump > growth.limit
            and growth.trend.latest.upper > growth.limit
            and not growth.standing.not_growing
            and self.small_objects_explain(growth)
        )

    @property
    def reuse_is_long(self) -> bool:
        """So many sessions after the wait that its pages would be full again."""
        return self.reuse is not None and self.reuse.sessions >= STEP_SPAN_SESSIONS

    @property
    def reuse_explains_outside(self) -> bool:
        """Memory that grows outside is level while sessions fill free pages again."""
        by = self.growing_outside
        if by is None or self.reuse is None or not self.reuse_is_long:
            return False
        return self.reuse.is_level(METRIC_OF[by], self.bytes_by[by].limit)

    @property
    def reuse_explains_open(self) -> bool:
        """All that is open is level while sessions fill free pages again."""
        reuse = self.reuse
        if reuse is None or not self.reuse_is_long:
            return False
        return all(
            reuse.is_level(METRIC_OF[by], growth.limit) and not self.small_objects_explain(growth)
            for by, growth in self.not_flat.items()
        )

    @property
    def outside_is_level_but_for_falls(self) -> bool:
        """All that is open is USS or RSS whose pages come and go, while what is in use does not
        grow.
        """
        if self.blocks is None or self.blocks.standing.growing or not self.malloc_rests:
            return False
        return all(growth.is_level_but_for_falls for growth in self.not_flat.values())

    @property
    def outside_is_level_but_for_free_heap(self) -> bool:
        """All that is open is USS or RSS that free memory of the heap moves, while what is in use
        does not grow.
        """
        if self.blocks is None or self.blocks.standing.growing or not self.malloc_rests:
            return False
        return self.not_flat.keys() <= self.level_without_free_heap

    @property
    def malloc_grown_bytes(self) -> float | None:
        """Growth of malloc in use since the first sessions, in a server with threads."""
        return None if self.thread_caches is None else self.thread_caches.grown_bytes

    @property
    def thread_caches_bytes(self) -> float | None:
        """The most that malloc's caches of all threads can hold."""
        return None if self.thread_caches is None else self.thread_caches.max_bytes

    @property
    def malloc_steady_share(self) -> float | None:
        """How much of its first rate the growth of malloc in use still has, with threads."""
        return None if self.thread_caches is None else self.thread_caches.steady_share

    @property
    def malloc_even_share(self) -> float | None:
        """What nine of ten rises of malloc in use reach of the median rise, with threads."""
        return None if self.thread_caches is None else self.thread_caches.even_share

    @property
    def sessions_per_thread(self) -> float | None:
        """Sessions so far for each thread, in a server with threads."""
        return None if self.thread_caches is None else self.thread_caches.sessions_per_thread

    @property
    def bound_of_two_looks(self) -> float | None:
        """Growth of what is open that one of the latest two looks cannot exclude."""
        bounds = [growth.bound_of_two_looks for growth in self.not_flat.values()]
        return max((bound for bound in bounds if bound is not None), default=None)

    @property
    def is_early_growth(self) -> bool:
        """The growth reaches the threshold, is over the limit for each session, and is steady."""
        reached = (
            self.early_threshold_bytes is not None
            and self.growth_bytes >= self.early_threshold_bytes
        )
        return reached and self.growth_bytes_per_session > self.limit_bytes and self.is_steady

    @property
    def growth_bytes_per_session(self) -> float:
        """Of the reported metric, in bytes."""
        return self.bytes_by[self.reported].rate or 0.0

    @property
    def limit_bytes(self) -> float:
        """Growth of the reported metric per session that is still flat."""
        return self.bytes_by[self.reported].limit

    @property
    def malloc_bytes_per_session(self) -> float | None:
        """Growth of malloc in use."""
        return None if self.malloc is None else self.malloc.rate

    @property
    def malloc_limit_bytes(self) -> float | None:
        """Growth of malloc in use per session that is still flat."""
        return None if self.malloc is None else self.malloc.limit

    @property
    def outside_bytes_per_session(self) -> float | None:
        """Growth of USS, or of RSS where that alone grows."""
        by = self.growing_outside or self.reported
        return self.bytes_by[by].rate

    @property
    def small_objects_bytes_per_session(self) -> float:
        """The most that the small objects can take."""
        return self.small_objects_per_session * SMALL_BLOCK_BYTES

    @property
    def reuse_sessions(self) -> int | None:
        """Sessions that fill again what a wait has left free."""
        return None if self.reuse is None else self.reuse.sessions

    @property
    def min_reuse_sessions(self) -> int:
        """Sessions from which on these tell something."""
        return STEP_SPAN_SESSIONS

    @property
    def remaining_bytes_per_session(self) -> float | None:
        """Growth of the reported metric that the latest wait has left."""
        return self.early_wait.remaining_per_session

    @property
    def filling_bytes_per_session(self) -> float | None:
        """What containers with a maximum account for."""
        return None if self.filling is None else self.filling.bytes_per_session


def _bytes_by(situation: Situation, limit_bytes: float) -> dict[str, Evidence]:
    limits = {"malloc": limit_bytes * MALLOC_SHARE, "uss": limit_bytes, "rss": limit_bytes}
    read = {by: evidence(situation, METRIC_OF[by], limit) for by, limit in limits.items()}
    return {by: growth for by, growth in read.items() if growth is not None}


def _small_objects(situation: Situation, blocks: Evidence | None) -> float:
    """Small objects more per session; none where containers with a maximum account for what a wait
    has left of them.
    """
    if blocks is None or not blocks.standing.growing:
        return 0.0
    fills = situation.filling
    lasting_bytes = lasting_rate(situation, blocks) * USUAL_BLOCK_BYTES
    if fills is not None and fills.explains(lasting_bytes, 0.0, fills.bytes_per_session):
        return 0.0
    return blocks.rate or 0.0


def _is_held_free(situation: Situation) -> bool:
    ends = [sample.values for sample in situation.ends_of_waits[-2:]]
    needed = {names.RSS, names.MALLOC_SYSTEM, names.MALLOC_IN_USE}
    if len(ends) < 2 or not all(needed <= values.keys() for values in ends):
        return False
    free = [values[names.MALLOC_SYSTEM] - values[names.MALLOC_IN_USE] for values in ends]
    return is_fragmentation(ends[1][names.RSS] - ends[0][names.RSS], free[1] - free[0])
