"""Knock at a path that is not there."""

from harness import Session, scenario


@scenario(connect=False)
async def refused_handshake(session: Session) -> None:
    """Three handshakes that are refused with 404, then a proper visit.

    Catches what is kept of a connection that never became a session.
    """
    for _ in range(3):
        await session.connect("/no-such-path", expect_status=404)
    await session.connect()
    await session.chat("你好")
