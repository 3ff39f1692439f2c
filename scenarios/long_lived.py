"""Come and go while three others stay."""

from harness import Session, scenario


@scenario(standing=3)
async def long_lived(session: Session) -> None:
    """One turn and a switch, with three standing sessions beside it.

    Catches what a session leaves in those that stay: broadcast lists, groups, shared rooms.
    """
    await session.chat("你好")
    await session.switch_character(session.characters[-1])
