"""How long sessions are waited for once some have waited in vain."""

from __future__ import annotations

from harness.record.record import SessionResult
from harness.sessions.limits import Limits
from harness.sessions.patience import Patience
from harness.sessions.scenario import Scenario
from harness.sessions.session import Session

IN_VAIN = SessionResult(False, 30.0, "NoReply: no answer within 30s")


async def _visit(session: Session) -> None:
    await session.connect()


def _limits_after(*results: SessionResult) -> Limits:
    patience = Patience()
    for result in results:
        patience.note(result)
    return patience.limited(Scenario("visit", _visit)).limits


def test_two_sessions_that_wait_in_vain_shorten_the_limits_of_the_next() -> None:
    worked = SessionResult(True, 1.5)
    assert _limits_after(worked, IN_VAIN) == Limits()
    assert _limits_after(worked, IN_VAIN, IN_VAIN) == Limits(7.5, 7.5, 7.5, 7.5)


def test_a_session_that_works_again_brings_the_limits_back() -> None:
    worked = SessionResult(True, 1.5)
    assert _limits_after(worked, IN_VAIN, IN_VAIN, worked) == Limits()


def test_no_limit_falls_below_three_seconds_or_rises_above_the_scenarios() -> None:
    assert _limits_after(SessionResult(True, 0.01), IN_VAIN, IN_VAIN).reply_s == 3.0
    assert _limits_after(SessionResult(True, 20.0), IN_VAIN, IN_VAIN).reply_s == 30.0


def test_a_server_that_has_never_answered_keeps_its_time() -> None:
    assert _limits_after(IN_VAIN, IN_VAIN, IN_VAIN) == Limits()


def test_sessions_that_are_turned_away_at_once_shorten_nothing() -> None:
    refused = SessionResult(False, 0.1, "ConnectionLost: the server closed the connection")
    assert _limits_after(SessionResult(True, 1.0), refused, refused) == Limits()


def test_a_server_that_takes_its_own_time_to_fail_is_not_waited_for_either() -> None:
    slow = SessionResult(False, 20.0, "ConnectionLost: the server closed the connection")
    assert _limits_after(SessionResult(True, 1.0), slow, slow).session_s == 5.0
