"""Many at once, as after a restart of the network."""

import asyncio

from leak_harness import OpenLlmVtuberSession, scenario


@scenario
async def reconnect_storm(session: OpenLlmVtuberSession) -> None:
    """Eight more connections at the same time, each dropped once it is greeted.

    Catches what is made for a connection before its page is known, and clean-up that does not
    survive a crowd.
    """

    async def come_and_go() -> None:
        other = session.another()
        await other.connect()
        await other.drop()

    async with asyncio.TaskGroup() as group:
        for _ in range(8):
            group.create_task(come_and_go())
    await session.chat("Are you still there?")
