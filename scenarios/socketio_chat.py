"""A Socket.IO server: an event with an acknowledgement, one without, one of the server's own."""

from leak_harness import SocketioSession, scenario


@scenario(protocol="socketio")
async def socketio_chat(session: SocketioSession) -> None:
    """Catches what acknowledgements and events leave; `call` waits until the event is
    acknowledged.
    """
    await session.call("join", "room 1")
    await session.emit("say", {"text": "hello"})
    await session.await_event("said")
