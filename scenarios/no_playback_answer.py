"""Leave without ever saying that a reply was played."""

from harness import Session, scenario


@scenario
async def no_playback_answer(session: Session) -> None:
    """A reply to its last sentence, and the page closes.

    Catches turns and tasks that wait for an answer which a page that has gone will never give.
    """
    session.playback = False
    await session.chat("你好", leave_at="first_audio")
