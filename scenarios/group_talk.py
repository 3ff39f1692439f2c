"""Two users share a conversation, in which the AIs answer one another."""

import asyncio

from harness import Session, scenario


@scenario
async def group_talk(session: Session) -> None:
    """One invites another, says something, lets their AIs talk for a while, interrupts them, and
    they part.

    Catches groups that keep who has left, and talks that go on when nobody is there to hear them.
    """
    guest = session.another()
    await guest.connect()
    try:
        await session.invite(guest.client_id)
        async with asyncio.TaskGroup() as both:
            both.create_task(guest.idle(0.4))
            await session.chat("What do you two think of the weather?")
            await session.idle(0.2)
        await session.interrupt()
        await session.remove(guest.client_id)
    finally:
        await guest.close()
