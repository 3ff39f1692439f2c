"""The connection breaks in the middle of a reply."""

from leak_harness import OpenLlmVtuberSession, scenario


@scenario
async def drop_mid_reply(session: OpenLlmVtuberSession) -> None:
    """A TCP reset after the first sentence.

    Catches replies that go on for a client that is gone, and clean-up that only a closing
    handshake runs.
    """
    await session.chat("Tell me a story.", leave_at="first_text")
    await session.drop()
