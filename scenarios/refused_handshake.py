"""Knock at a path that is not there."""

from leak_harness import OpenLlmVtuberSession, scenario


@scenario(connect=False)
async def refused_handshake(session: OpenLlmVtuberSession) -> None:
    """Three handshakes that are refused, then a proper visit; servers disagree on the status: 403,
    404, even 500.

    Catches what is kept of a connection that never became a session.
    """
    for _ in range(3):
        await session.connect("/no-such-path", expect_status=range(400, 600))
    await session.connect()
    await session.chat("你好")
