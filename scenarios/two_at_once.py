"""Ask again before the answer is over."""

from leak_harness import OpenLlmVtuberSession, scenario


@scenario
async def two_at_once(session: OpenLlmVtuberSession) -> None:
    """A second message while the first reply is being spoken.

    Catches replies whose place is taken by a newer one and that nobody ends.
    """
    await session.chat("Tell me a long story.", leave_at="first_audio")
    await session.chat("And another one, please.")
