"""Growth of malloc in servers with threads: may malloc's own caches be all of it?"""

from __future__ import annotations

from collections.abc import Mapping

from memory_gates import gate
from record_builder import KIB, MIB, Of, Script, level, memory, rising

from harness.verdict.outcome import Status

CACHE = 240_128
"""Bytes that the cache of one thread can hold."""


def with_threads(count: int, malloc: Of, more: Mapping[str, Of] | None = None) -> Script:
    return Script(
        {
            **memory(0),
            "threads": level(count + 2),
            "malloc_in_use": malloc,
            "malloc_caches": level(count * CACHE if count > 1 else 0),
            **(more or {}),
        }
    )


def uneven(per_session: float) -> Of:
    """Every fourth cycle of five sessions takes all."""
    return lambda t: 5 * MIB + per_session * 20 * (t // 20)


def test_steady_growth_of_malloc_is_a_leak_whatever_the_threads() -> None:
    assert gate(with_threads(8, rising(5 * MIB, 4 * KIB))).outcome is Status.LEAK


def test_uneven_growth_that_caches_can_hold_is_open() -> None:
    found = gate(with_threads(8, uneven(2 * KIB)))
    assert found.outcome is Status.INCONCLUSIVE
    assert "caches of its threads" in found.reason


def test_the_same_growth_is_a_leak_in_a_server_with_one_thread() -> None:
    assert gate(with_threads(1, uneven(2 * KIB))).outcome is Status.LEAK


def test_growth_beyond_what_caches_can_hold_is_a_leak() -> None:
    assert gate(with_threads(2, uneven(4 * KIB))).outcome is Status.LEAK


def test_caches_do_not_explain_growth_of_blocks() -> None:
    growing = {"blocks": rising(90_000, 1.5)}
    assert gate(with_threads(8, uneven(2 * KIB), growing)).outcome is Status.LEAK


def test_steady_growth_is_open_until_each_thread_has_had_its_sessions() -> None:
    assert gate(with_threads(40, rising(5 * MIB, 4 * KIB))).outcome is Status.INCONCLUSIVE
