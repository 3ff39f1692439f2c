"""How long the parts of a session may take."""

from __future__ import annotations

from dataclasses import dataclass

from .contract import Timing


@dataclass(frozen=True, slots=True)
class Limits:
    """The longest times of one session, in seconds. A part that takes longer fails the session."""

    connect_s: float = 30.0
    """Handshake and greeting, each."""
    reply_s: float = 30.0
    """Any action but a switch."""
    switch_s: float = 30.0
    session_s: float = 120.0
    """From connect to the end of the script."""

    def of(self, timing: Timing) -> float:
        """The limit of an action with this timing, in seconds."""
        return self.switch_s if timing is Timing.SWITCH else self.reply_s
