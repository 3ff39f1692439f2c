"""Talk, change the character, talk again."""

from leak_harness import OpenLlmVtuberSession, scenario


@scenario
async def character_switch(session: OpenLlmVtuberSession) -> None:
    """A visit with two switches of character.

    Catches work that a switch starts and nobody ends: a background initialisation without a handle
    keeps the old context, and with it a whole agent, alive after the page has closed.
    """
    await session.chat("你好")
    for character in session.characters[1:3] or session.characters:
        await session.switch_character(character)
        await session.chat("你是谁？")
