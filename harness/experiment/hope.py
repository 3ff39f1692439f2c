"""Whether a run in which no session has worked so far is worth going on with."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Final

from ..errors import CheckFailed, ScriptFailed, ServerError
from ..record.record import RunRecord, SessionResult

HOPELESS_SESSIONS: Final = 5
"""The run ends after this many sessions, if all of them have failed."""
UNANSWERED_SESSIONS: Final = 2
"""The run ends after this many sessions, if all of them have waited in vain to the end of a limit.
The first alone may have met a server that was warming up.
"""


def is_hopeless(record: RunRecord, now: Sequence[SessionResult] = ()) -> bool:
    """Whether no session has ever worked, and enough have tried.

    Where one has worked, sessions that fail later are what the server comes to: they are measured.

    Args:
        record: the run so far.
        now: sessions of the cycle that is under way.
    """
    if record.failed_sessions < record.sessions or any(session.ok for session in now):
        return False
    first_cycles = record.cycles[:HOPELESS_SESSIONS]
    tried = [*chain.from_iterable(cycle.sessions for cycle in first_cycles), *now]
    enough = HOPELESS_SESSIONS
    if all(session.timed_out for session in tried):
        enough = UNANSWERED_SESSIONS
    return len(tried) >= enough


def check_hope(record: RunRecord, latest: SessionResult) -> None:
    """See that it is worth going on.

    Args:
        record: the run so far.
        latest: the session that ended last.

    Raises:
        ScriptFailed: every session has failed, the latest in a check of the script.
        ServerError: it is hopeless.
    """
    no_session_worked = record.failed_sessions == record.sessions
    if no_session_worked and latest.failure.startswith(CheckFailed.__name__):
        raise ScriptFailed(
            latest.failure.partition(": ")[2], hint="no session has passed this check yet"
        )
    if is_hopeless(record):
        raise ServerError(
            f"none of {record.sessions} sessions did what the script says",
            why=f"the last one: {latest.failure}",
            hint="try one session with `leak-harness run ... --once --trace`",
        )
