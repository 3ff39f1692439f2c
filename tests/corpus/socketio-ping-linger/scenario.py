"""A word, its answer, a clean close."""

from harness import scenario


@scenario(protocol="socketio")
async def a_word(session):
    """One event each way."""
    await session.emit("say", "hello")
    await session.await_event("said")
