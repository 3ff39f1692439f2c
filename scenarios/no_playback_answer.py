"""Leave without ever saying that a reply was played."""

from leak_harness import OpenLlmVtuberSession, scenario


@scenario
async def no_playback_answer(session: OpenLlmVtuberSession) -> None:
    """A reply to its end, and the page closes while the server waits to hear that it was played.

    Catches tasks and entries that wait for an answer which a page that has gone will never give.
    """
    session.playback = False
    await session.chat("你好")  # until all audio is there: then the server asks
    await session.heartbeat()  # its answer comes after the question: the server waits now
