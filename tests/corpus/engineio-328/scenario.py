"""One message, its echo, a clean close; the green threads of pings end within a second or two."""

from harness import scenario


@scenario(protocol="plain", path="/engine.io/?EIO=4&transport=websocket", settle_s=2.2)
async def a_message(session):
    """Engine.IO frames, written by hand."""
    await session.receive()
    await session.request("4hello", until="back hello")
