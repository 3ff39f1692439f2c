"""A binary event is announced, and the page is gone before its attachment."""

from harness import scenario


@scenario(protocol="plain", path="/socket.io/?EIO=4&transport=websocket", settle_s=1.6)
async def gone_in_the_middle_of_a_photo(session):
    """The header of a Socket.IO binary event, and a reset."""
    await session.receive()
    await session.send(
        '451-["photo",{"name":"summer.jpg","tags":["a","b"]},{"_placeholder":true,"num":0}]'
    )
    await (await session.raw.ping())
    await session.drop()
