"""Change the character and leave at once."""

from leak_harness import OpenLlmVtuberSession, scenario


@scenario
async def switch_then_close(session: OpenLlmVtuberSession) -> None:
    """A switch, and the page closes at once, while the server may still build the new agent.

    Catches a close that does not wait for, or does not cancel, what the switch has just begun.
    """
    await session.switch_character(session.characters[-1])
