"""Two users share a conversation, in which the AIs answer one another."""

import asyncio

from leak_harness import OpenLlmVtuberSession, scenario

LISTENING_LIMIT_S = 100.0
"""Longer than the talk: the guest is told when it is over."""


@scenario
async def group_talk(session: OpenLlmVtuberSession) -> None:
    """One invites another, says something, lets their AIs talk for a while, interrupts them, and
    they part.

    Catches groups that keep who has left, and talks that go on when nobody is there to hear them.
    """
    guest = session.another()
    await guest.connect()
    try:
        await session.invite(guest.client_id)
        async with asyncio.TaskGroup() as group:
            # The guest says that it has played what its AI said, as long as the talk lasts: a
            # server may wait for that before anybody else is answered.
            listening = group.create_task(guest.dwell(LISTENING_LIMIT_S))
            await session.chat("What do you two think of the weather?")
            await session.dwell(0.2)
            await session.interrupt()
            await session.remove(guest.client_id)
            listening.cancel()
    finally:
        await guest.close()
