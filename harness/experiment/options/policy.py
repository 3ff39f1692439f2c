"""Options on what the verdict rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ...option import NUMBER, SIZE, TEXT, TIME, declared

GROUP: Final = "decision"


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyOptions:
    """How much growth still passes, and what fails the run."""

    limit_bytes: int | None = declared(
        "limit",
        SIZE,
        "The largest memory growth per session that still passes.",
        default_text="1KiB; 4KiB without the probe",
    )
    """Bytes per session; None: 1 KiB with the probe, 4 KiB without."""
    object_limit: float | None = declared(
        "object-limit",
        NUMBER,
        "The largest growth in Python objects per session that still passes. The objects are those"
        " that the garbage collector tracks.",
        default_text="0.6",
    )
    """Objects per session; None: the default of `Policy`."""
    grace_s: float = declared(
        "grace",
        TIME,
        "The longest wait for late releases before a leak is reported.",
        default=90.0,
        default_text="90s",
    )
    """Seconds; 0: no wait."""
    allow: tuple[str, ...] = declared(
        "allow",
        TEXT,
        "Never fail on this gate, or on the finding with this fingerprint.",
        metavar="GATE|FINGERPRINT",
        default=(),
        is_repeatable=True,
    )
    """Gates and fingerprints of findings."""
    only: tuple[str, ...] = declared(
        "only",
        TEXT,
        "Fail on this gate alone.",
        metavar="GATE",
        default=(),
        is_repeatable=True,
    )
    """The gates that can fail the run; empty: all that do by default."""
    fail_on: tuple[str, ...] = declared(
        "fail-on",
        TEXT,
        "Also fail on `fragmentation` or `files`. The first is a kind of memory growth, the second"
        " a gate. By default neither fails a run.",
        metavar="KIND",
        default=(),
        is_repeatable=True,
    )
    """What else fails the run."""
    log_expect: tuple[str, ...] | None = declared(
        "log-expect",
        TEXT,
        "Each session must write a line to the server log that matches this. The lines of several"
        " patterns must come in the order of the options.",
        metavar="REGEX",
        is_repeatable=True,
    )
    """Regular expressions, in the order of the lines; None: none, or those of the embedded
    server.
    """
    log_forbid: tuple[str, ...] | None = declared(
        "log-forbid",
        TEXT,
        "No line of the server log may match this.",
        metavar="REGEX",
        default_text="the warnings of asyncio about tasks and connections",
        is_repeatable=True,
    )
    """Regular expressions; None: the warnings of asyncio."""
    reasons: Mapping[str, str] = field(default_factory=dict)
    """Why something is allowed, by what stands in `allow`. A file says it in `[[allow]]`."""
