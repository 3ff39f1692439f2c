"""Interrupt a reply, and talk on."""

from leak_harness import OpenLlmVtuberSession, scenario


@scenario
async def interrupt(session: OpenLlmVtuberSession) -> None:
    """A reply that is cut off in its first sentence, then a whole one.

    Catches replies that go on after they were cancelled, and streams that nobody closes.
    """
    await session.chat("Tell me a long story.", leave_at="first_audio")
    await session.interrupt()
    await session.chat("Never mind. How are you?")
