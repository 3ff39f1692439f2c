"""The rules of exact counters: tracked objects, tasks, threads, descriptors, children, files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ..record.metrics import METRICS, Source, names
from .bounded_growth import TRIM_SLACK, Filling
from .evidence import Evidence
from .exhaustion import Exhaustion
from .metric_rules import Standing
from .orphan_tasks import Orphans
from .outcome import Kind, Status
from .rules import Rule, source
from .suspects import Unsure
from .uncollected import MIN_LEFT, Uncollected


@dataclass(frozen=True, slots=True)
class CounterFacts:
    """What the rules of a counter compare."""

    metric: str
    counted: Evidence | None
    """How the count stands; None where it was not read."""
    growth_per_session: float
    """What waits have left of the growth."""
    limit_per_session: float
    filling: Filling | None
    """Containers that have a maximum; None for counters that these do not hold."""
    unsure: Unsure | None
    """Containers that grow and may have a maximum; None for counters that these do not hold."""
    swing: float | None
    """The largest count of the tail less the smallest; None without a look."""
    full_objects: int | None
    """Tracked objects that containers with a maximum hold once they are full; None for counters
    that these do not hold.
    """
    upper_per_session: float | None
    """Growth that cannot be excluded."""
    is_past_guard: bool
    is_over: bool
    """The run is as long as it may be, and has waited where a wait can tell something."""
    is_final: bool
    """No session is to follow."""
    orphans: Orphans | None
    """Tasks that closed sessions have left; None for other counters."""
    uncollected: Uncollected | None = None
    """What only a collection ends; None in a run that collects, and for other counters."""
    exhaustion: Exhaustion | None = None
    """What the server ran into; None where the count did not rise with each session until then."""

    @property
    def filling_per_session(self) -> float | None:
        """Tracked objects that containers with a maximum account for."""
        return None if self.filling is None else self.filling.objects_per_session

    @property
    def unsure_per_session(self) -> float | None:
        """Tracked objects that containers account for which may have a maximum."""
        return None if self.unsure is None else self.unsure.objects_per_session

    @property
    def left_uncollected(self) -> int | None:
        """Tasks or processes that sessions have left."""
        return None if self.uncollected is None else self.uncollected.left

    @property
    def ended_by_collection(self) -> int | None:
        """Of these, what one collection ended."""
        return None if self.uncollected is None else self.uncollected.ended

    @property
    def is_decided(self) -> bool:
        """Whether the run would end without another look at the count."""
        is_flat = self.counted is not None and self.counted.standing.not_growing
        return is_flat or self.is_final

    @property
    def orphan_tasks(self) -> int | None:
        """Pending tasks of closed sessions."""
        return None if self.orphans is None else self.orphans.tasks

    @property
    def orphaned_sessions(self) -> int | None:
        """Sessions that these belong to."""
        return None if self.orphans is None else self.orphans.sessions

    @property
    def waited_s(self) -> float | None:
        """For how long these were waited for."""
        return None if self.orphans is None else self.orphans.waited_s

    @property
    def grace_s(self) -> float | None:
        """How long a wait is at most."""
        return None if self.orphans is None else self.orphans.grace_s

    @property
    def until_failing_per_session(self) -> float | None:
        """Growth while sessions worked, where they fail since."""
        return None if self.exhaustion is None else self.exhaustion.rates[self.metric]

    @property
    def sessions_that_worked(self) -> int | None:
        """Before they began to fail."""
        return None if self.exhaustion is None else self.exhaustion.worked

    @property
    def sessions_that_failed(self) -> int | None:
        """Sessions that failed since then."""
        return None if self.exhaustion is None else self.exhaustion.failed

    @property
    def falls(self) -> int | None:
        """Falls over the tail."""
        return None if self.counted is None else self.counted.falls

    @property
    def bound_of_two_looks(self) -> float | None:
        """Growth that one of the latest two looks cannot exclude."""
        return None if self.counted is None else self.counted.bound_of_two_looks

    @property
    def between_falls_per_session(self) -> float | None:
        """Growth from what the first fall after the warm-up has left to what the last one has."""
        return None if self.counted is None else self.counted.between_falls_per_session

    @property
    def is_growing(self) -> bool:
        """Whether the count is shown to grow."""
        return self.counted is not None and self.counted.standing.growing


@dataclass(frozen=True, slots=True)
class CounterAnswer:
    """How a counter stands."""

    standing: Standing
    kind: Kind | None = None
    since_sessions: float | None = None
    """Where its growth was first significant."""
    per_session: float | None = None
    """Its growth, where it is not that of the latest look."""


def _not_measured(facts: CounterFacts) -> CounterAnswer | None:
    if facts.counted is not None:
        return None
    by_probe = METRICS[facts.metric].source is Source.PROBE
    reason = "needs the probe" if by_probe else "could not be read"
    return CounterAnswer(Standing(Status.NOT_MEASURED, reason))


def _met_bound(facts: CounterFacts) -> CounterAnswer | None:
    met, rate = facts.exhaustion, facts.until_failing_per_session
    if met is None or rate is None:
        return None
    words = f"rose by {rate:.2f} per session until sessions failed: {met.words}"
    return CounterAnswer(Standing(Status.LEAK, words), per_session=rate)


def _filling(facts: CounterFacts) -> CounterAnswer | None:
    fills = facts.filling
    if fills is None or facts.counted is None or not facts.is_growing:
        return None
    growth, limit = facts.growth_per_session, facts.limit_per_session
    if not fills.explains(growth, limit, fills.objects_per_session):
        return None
    since = facts.counted.trend.suspected_sessions
    return CounterAnswer(Standing(Status.FLAT, fills.told), Kind.FILLING, since)


def _unsure(facts: CounterFacts) -> CounterAnswer | None:
    unsure = facts.unsure
    if unsure is None or facts.counted is None or not facts.is_growing:
        return None
    growth, limit = facts.growth_per_session, facts.limit_per_session
    if not unsure.explains(growth, limit, unsure.objects_per_session):
        return None
    since = facts.counted.trend.suspected_sessions
    words = f"filling or leaking: not bounded as far as the source tells, {unsure.words}"
    return CounterAnswer(Standing(Status.INCONCLUSIVE, words), None, since)


def _swept(facts: CounterFacts) -> CounterAnswer | None:
    if facts.counted is None or not facts.counted.standing.open or not facts.is_past_guard:
        return None
    swing, full, upper = facts.swing, facts.full_objects, facts.upper_per_session
    if not full or swing is None or upper is None:
        return None
    if swing > full * TRIM_SLACK or upper > facts.limit_per_session:
        return None
    words = f"rises and falls by {swing:g}, and containers with a maximum hold up to {full:,}"
    return CounterAnswer(Standing(Status.FLAT, words), Kind.FILLING)


def _saw_tooth(facts: CounterFacts) -> CounterAnswer | None:
    if facts.counted is None or not facts.counted.standing.open:
        return None
    if not facts.is_past_guard or not facts.is_over or not facts.counted.is_level_but_for_falls:
        return None
    falls = facts.counted.falls
    times = "once" if falls == 1 else f"{falls} times"
    words = f"rises and falls, {times} in the second half of the run, and does not grow"
    return CounterAnswer(Standing(Status.FLAT, words))


def _orphans_survived(facts: CounterFacts) -> CounterAnswer | None:
    left = facts.orphans
    if facts.is_growing or left is None or not left.survived:
        return None
    words = left.words
    if left.waited_s:
        words = f"{words}, over {left.waited_s:.0f} s after the last of these"
    return CounterAnswer(Standing(Status.LEAK, words), None, left.since_sessions)


def _orphans_for_good(facts: CounterFacts) -> CounterAnswer | None:
    left = facts.orphans
    if facts.is_growing or left is None or left.has_waited or left.is_worth_waiting:
        return None
    return CounterAnswer(Standing(Status.LEAK, left.words), None, left.since_sessions)


def _orphans_wait_due(facts: CounterFacts) -> CounterAnswer | None:
    left = facts.orphans
    if facts.is_growing or left is None or left.has_waited or not left.may_wait:
        return None
    if left.memory_decides_sooner:
        return None
    words = f"{left.words}; whether they end late has not been waited for yet"
    standing = Standing(Status.INCONCLUSIVE, words, suspect=True)
    return CounterAnswer(standing, None, left.since_sessions)


def _ended_by_collection(facts: CounterFacts) -> CounterAnswer | None:
    left = facts.uncollected
    if left is None or left.ended is None or left.ended < MIN_LEFT:
        return None
    return CounterAnswer(Standing(Status.LEAK, left.words), Kind.NOT_YET_COLLECTED)


def _collection_due(facts: CounterFacts) -> CounterAnswer | None:
    left = facts.uncollected
    if left is None or left.ended is not None or not left.may_wait or not facts.is_decided:
        return None
    words = f"{left.left} are left; whether a collection would end them is not known yet"
    return CounterAnswer(Standing(Status.INCONCLUSIVE, words, suspect=True))


def _counted(facts: CounterFacts) -> CounterAnswer:
    assert facts.counted is not None, "a rule before this one has answered"
    standing = facts.counted.standing
    kind = Kind.RELEASED_LATE if standing.released else None
    return CounterAnswer(standing, kind, facts.counted.trend.suspected_sessions)


_ORPHANS: Final = source("orphan-tasks")
_NUMBERS: Final = ("growth_per_session", "limit_per_session")

NOT_MEASURED_RULE: Final = Rule(
    "counter.not-measured",
    "No sample holds the count: not measured.",
    source("gates"),
    _not_measured,
)
MET_BOUND_RULE: Final = Rule(
    "counter.met-a-bound",
    "The count rose by one or more with each of 20 sessions or more, and since then sessions fail, "
    "the latest 3 among them: leak.",
    source("runs-that-stop-early"),
    _met_bound,
    ("until_failing_per_session", "sessions_that_worked", "sessions_that_failed"),
)
COUNTED_RULE: Final = Rule(
    "counter.counted",
    "The count stands as its own rules have decided.",
    source("how-one-metric-is-decided"),
    _counted,
    _NUMBERS,
)
FILLING_RULE: Final = Rule(
    "counter.filling",
    "Less 1.5 times the objects that containers with a maximum take, the growth is below the "
    "limit: flat, filling.",
    source("containers-that-fill"),
    _filling,
    (*_NUMBERS, "filling_per_session"),
)
UNSURE_RULE: Final = Rule(
    "counter.unsure",
    "Less 1.5 times the objects of containers whose code may keep them short, the growth is below "
    "the limit: open.",
    source("containers-without-a-maximum"),
    _unsure,
    (*_NUMBERS, "unsure_per_session"),
)
SWEPT_RULE: Final = Rule(
    "counter.swept",
    "After the guard, growth by more than the limit is excluded but for falls that containers with "
    "a maximum explain, which fill and are emptied: flat, filling.",
    source("containers-that-fill"),
    _swept,
    ("swing", "full_objects", "upper_per_session", "limit_per_session"),
)
SAW_TOOTH_RULE: Final = Rule(
    "counter.saw-tooth",
    "The run is over, past the guard and waited for. Two looks exclude growth by more than the "
    "limit but for one or two falls, and from the first fall of the run to the last there is none: "
    "flat.",
    source("saw-teeth-that-are-not-whole"),
    _saw_tooth,
    ("bound_of_two_looks", "between_falls_per_session", "limit_per_session", "falls"),
)
ORPHAN_RULES: Final = (
    Rule(
        "tasks.orphans-survived",
        "At least 9 of 10 of the latest sessions each left a pending task, and all of these "
        "survived a wait over the whole grace: leak.",
        _ORPHANS,
        _orphans_survived,
        ("orphan_tasks", "orphaned_sessions", "waited_s", "grace_s"),
    ),
    Rule(
        "tasks.orphans-for-good",
        "At least 9 of 10 of the latest sessions each left a pending task, and nothing can end "
        "them: leak.",
        _ORPHANS,
        _orphans_for_good,
        ("orphan_tasks", "orphaned_sessions"),
    ),
    Rule(
        "tasks.orphans-wait-due",
        "At least 9 of 10 of the latest sessions each left a pending task, and no wait has come "
        "yet: wait first.",
        _ORPHANS,
        _orphans_wait_due,
        ("orphan_tasks", "orphaned_sessions"),
    ),
)

COLLECTION_RULES: Final = (
    Rule(
        "counter.ended-by-collection",
        "In a run that forces no collection, a wait left 5 or more, and the one collection after "
        "it ended 5 or more: leak, not yet collected.",
        _ORPHANS,
        _ended_by_collection,
        ("left_uncollected", "ended_by_collection"),
    ),
    Rule(
        "counter.collection-due",
        "In a run that forces no collection, 5 or more are left at its end: wait, then collect.",
        _ORPHANS,
        _collection_due,
        ("left_uncollected",),
    ),
)

RULES: Final = (NOT_MEASURED_RULE, MET_BOUND_RULE, COUNTED_RULE)
CHILD_RULES: Final = (NOT_MEASURED_RULE, MET_BOUND_RULE, *COLLECTION_RULES, COUNTED_RULE)
OBJECT_RULES: Final = (
    NOT_MEASURED_RULE,
    MET_BOUND_RULE,
    FILLING_RULE,
    UNSURE_RULE,
    SWEPT_RULE,
    SAW_TOOTH_RULE,
    COUNTED_RULE,
)
TASK_RULES: Final = (
    NOT_MEASURED_RULE,
    MET_BOUND_RULE,
    *ORPHAN_RULES,
    *COLLECTION_RULES,
    COUNTED_RULE,
)


def rules_of(metric: str) -> tuple[Rule[CounterFacts, CounterAnswer], ...]:
    """The rules that a counter is decided by, once its own evidence is there."""
    of_metric: dict[str, tuple[Rule[CounterFacts, CounterAnswer], ...]] = {
        names.TRACKED_OBJECTS: OBJECT_RULES,
        names.TASKS: TASK_RULES,
        names.CHILDREN: CHILD_RULES,
    }
    return of_metric.get(metric, RULES)
