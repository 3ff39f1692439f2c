"""Change the character and leave at once."""

from harness import Session, scenario


@scenario
async def switch_then_close(session: Session) -> None:
    """A switch, and the page closes while the new agent is still being built.

    Catches a close that does not wait for, or does not cancel, what the switch has just begun.
    """
    await session.switch_character(session.characters[-1])
