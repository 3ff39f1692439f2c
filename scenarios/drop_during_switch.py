"""The connection breaks in the middle of a switch."""

from leak_harness import OpenLlmVtuberSession, scenario


@scenario
async def drop_during_switch(session: OpenLlmVtuberSession) -> None:
    """A TCP reset straight after the switch was asked for.

    Catches a switch that fails half-way and leaves its new context, task or tool process behind.
    """
    await session.switch_character(session.characters[-1], answered=False)
    await session.drop()
