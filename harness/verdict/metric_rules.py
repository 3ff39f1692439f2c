"""The rules of one metric: how it stands, by the envelope test and by what waits have left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .look_schedule import FLAT_SPAN_SESSIONS
from .outcome import Status
from .rules import Rule, source
from .waits import AfterWait

MIN_TAIL_SESSIONS: Final = FLAT_SPAN_SESSIONS / 2
"""Sessions of the tail below which the reason for an open metric is that the run is short."""


@dataclass(frozen=True, slots=True)
class MetricFacts:
    """What the rules of one metric compare. Rates are in the metric's own unit per session."""

    engine: Status
    """What the envelope test says: leak, flat, or inconclusive."""
    engine_since_sessions: float | None
    suspected_sessions: float | None
    """Sessions at the first look that saw the growth that the latest look still sees."""
    sessions: float | None
    """At the latest look."""
    guard_sessions: int
    tail_sessions: float | None
    """What the latest look spans."""
    lower_per_session: float | None
    """Growth that is there even without the largest jump and the noise."""
    upper_per_session: float | None
    """Growth that cannot be excluded."""
    limit_per_session: float
    look_is_flat: bool
    """The latest look alone."""
    waits: int
    """How often the run has waited."""
    wait: AfterWait
    is_level_from_wait_to_wait: bool
    """The latest wait has left no more than the limit since the wait before."""
    is_level_after_waits: bool
    """It has left no more than that since the wait before, or since the start."""
    fell_after_wait: bool

    @property
    def is_declared(self) -> bool:
        """Whether the engine says leak, and says it after the guard."""
        leaks = self.engine is Status.LEAK and self.sessions is not None
        return leaks and (self.sessions or 0) >= self.guard_sessions

    @property
    def remaining_per_session(self) -> float | None:
        """Growth that the latest wait has left."""
        return self.wait.remaining_per_session

    @property
    def min_flat_sessions(self) -> float:
        """What a tail must span to be flat."""
        return FLAT_SPAN_SESSIONS


@dataclass(frozen=True, slots=True)
class Standing:
    """How a metric stands, and why."""

    status: Status
    reason: str = ""
    released: bool = False
    """Flat: it grew, and what it had grown by went while the run waited."""
    suspect: bool = False
    """Inconclusive: it grows, and the run should wait to see whether that is released late."""

    @property
    def not_growing(self) -> bool:
        """Shown not to leak."""
        return self.status is Status.FLAT

    @property
    def growing(self) -> bool:
        """Shown to grow, whether or not that is released late."""
        return self.status is Status.LEAK or self.suspect

    @property
    def open(self) -> bool:
        """Neither shown to grow nor not to."""
        return self.status is Status.INCONCLUSIVE and not self.suspect


RELEASED: Final = Standing(
    Status.FLAT, "grew, and was released while the run waited", released=True
)
WAIT_DUE: Final = Standing(
    Status.INCONCLUSIVE,
    "grows; whether it is released late has not been waited for yet",
    suspect=True,
)


def _suspected(facts: MetricFacts) -> Standing:
    return Standing(
        Status.INCONCLUSIVE,
        f"growth suspected since session {facts.suspected_sessions:.0f}, too early to declare",
    )


def _leak(facts: MetricFacts) -> Standing:
    return Standing(Status.LEAK, f"grows steadily since session {facts.engine_since_sessions:.0f}")


def _released_by_wait(facts: MetricFacts) -> Standing | None:
    return RELEASED if facts.is_declared and facts.wait.waited and facts.wait.gone else None


def _level_though_declared(facts: MetricFacts) -> Standing | None:
    is_level = facts.is_declared and facts.wait.waited and facts.is_level_from_wait_to_wait
    return RELEASED if is_level else None


def _leak_after_wait(facts: MetricFacts) -> Standing | None:
    return _leak(facts) if facts.is_declared and facts.wait.waited else None


def _wait_is_due(facts: MetricFacts) -> Standing | None:
    return WAIT_DUE if facts.is_declared and facts.wait.may_wait else None


def _grows_anew(facts: MetricFacts) -> Standing | None:
    was_released = facts.wait.gone or facts.is_level_from_wait_to_wait
    if not facts.is_declared or not was_released:
        return None
    words = f"grows again, after {facts.waits} waits that took such growth"
    return Standing(Status.INCONCLUSIVE, f"{words}; a longer --grace shows whether it goes")


def _leak_without_wait(facts: MetricFacts) -> Standing | None:
    return _leak(facts) if facts.is_declared else None


def _flat(facts: MetricFacts) -> Standing | None:
    return Standing(Status.FLAT) if facts.engine is Status.FLAT else None


def _level_after_waits(facts: MetricFacts) -> Standing | None:
    return RELEASED if facts.is_level_after_waits else None


def _fell_after_wait(facts: MetricFacts) -> Standing | None:
    return RELEASED if facts.fell_after_wait else None


def _too_early(facts: MetricFacts) -> Standing | None:
    return None if facts.suspected_sessions is None else _suspected(facts)


def _too_few_sessions(facts: MetricFacts) -> Standing | None:
    if facts.tail_sessions is None or facts.tail_sessions < MIN_TAIL_SESSIONS:
        return Standing(Status.INCONCLUSIVE, "too few sessions so far")
    return None


def _one_flat_look(facts: MetricFacts) -> Standing | None:
    words = "a second look must agree that it is flat"
    return Standing(Status.INCONCLUSIVE, words) if facts.look_is_flat else None


def _open(_: MetricFacts) -> Standing:
    return Standing(Status.INCONCLUSIVE, "growth over the limit cannot be excluded yet")


_LATE: Final = source("late-releases")
_ENGINE: Final = source("the-envelope-test")
_GROWTH: Final = ("lower_per_session", "limit_per_session", "sessions", "guard_sessions")
_BOUND: Final = ("upper_per_session", "limit_per_session", "tail_sessions")

METRIC_RULES: Final[tuple[Rule[MetricFacts, Standing], ...]] = (
    Rule(
        "metric.released-by-wait",
        "Two looks after the guard see growth, and a wait since then has left no more than the "
        "limit per session: released late.",
        _LATE,
        _released_by_wait,
        (*_GROWTH, "remaining_per_session"),
    ),
    Rule(
        "metric.level-though-declared",
        "Two looks after the guard see growth, but over 64 sessions or more the wait since then "
        "has left no more than the limit per session since the wait before: released late.",
        _LATE,
        _level_though_declared,
        (*_GROWTH, "remaining_per_session", "is_level_from_wait_to_wait"),
    ),
    Rule(
        "metric.leak-after-wait",
        "Two looks after the guard see growth, and a wait since then has left more than the limit "
        "per session: leak.",
        _LATE,
        _leak_after_wait,
        (*_GROWTH, "remaining_per_session"),
    ),
    Rule(
        "metric.wait-due",
        "Two looks after the guard see growth, and none of at most 3 waits has come since then: "
        "wait first.",
        _LATE,
        _wait_is_due,
        (*_GROWTH, "waits"),
    ),
    Rule(
        "metric.grows-anew",
        "Two looks after the guard see growth, but the last of 3 waits took growth of the same "
        "sort: open.",
        _LATE,
        _grows_anew,
        (*_GROWTH, "remaining_per_session"),
    ),
    Rule(
        "metric.leak",
        "Two looks after the guard see growth, and there is nothing to wait for: leak.",
        _ENGINE,
        _leak_without_wait,
        _GROWTH,
    ),
    Rule(
        "metric.flat",
        "Two looks over 36 sessions or more exclude growth by more than the limit: flat.",
        _ENGINE,
        _flat,
        (*_BOUND, "min_flat_sessions"),
    ),
    Rule(
        "metric.level-after-waits",
        "Over 64 sessions or more, the latest wait has left no more than the limit per session "
        "since the wait before: released late.",
        _LATE,
        _level_after_waits,
        ("is_level_after_waits",),
    ),
    Rule(
        "metric.fell-after-wait",
        "It had grown long enough to declare a leak when the latest wait took all but the limit: "
        "released late.",
        _LATE,
        _fell_after_wait,
        ("fell_after_wait", "remaining_per_session", "limit_per_session"),
    ),
    Rule(
        "metric.too-early",
        "The latest look sees growth, but the look before does not, or the guard is not over: "
        "open.",
        _ENGINE,
        _too_early,
        ("suspected_sessions", *_GROWTH),
    ),
    Rule(
        "metric.too-few-sessions",
        "The tail spans less than 18 sessions: open.",
        _ENGINE,
        _too_few_sessions,
        ("tail_sessions", "min_flat_sessions"),
    ),
    Rule(
        "metric.one-flat-look",
        "One look excludes growth by more than the limit, and a second must agree: open.",
        _ENGINE,
        _one_flat_look,
        _BOUND,
    ),
    Rule(
        "metric.open",
        "Growth by more than the limit can neither be shown nor excluded: open.",
        _ENGINE,
        _open,
        (*_BOUND, "lower_per_session"),
    ),
)
"""In order: the first that answers says how the metric stands."""
