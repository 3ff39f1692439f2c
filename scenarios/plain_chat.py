"""Talk and leave."""

from leak_harness import Session, scenario


@scenario
async def plain_chat(session: Session) -> None:
    """Two replies and a proper close.

    Catches what every visit leaves behind: histories, registries of clients, caches keyed by
    session.
    """
    await session.chat("你好")
    await session.chat("How are you today?")
