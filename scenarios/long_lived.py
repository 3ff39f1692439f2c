"""Come and go while three others stay."""

from leak_harness import OpenLlmVtuberSession, scenario


@scenario(standing=3)
async def long_lived(session: OpenLlmVtuberSession) -> None:
    """One reply and a switch, next to three standing sessions.

    Catches what a session leaves in those that stay: broadcast lists, groups, shared rooms.
    """
    await session.chat("你好")
    await session.switch_character(session.characters[-1])
