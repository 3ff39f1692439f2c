"""Leave while the server is still getting ready."""

from harness import Session, scenario


@scenario(connect=False)
async def leave_before_greeting(session: Session) -> None:
    """Connect, and close before the greeting has come.

    Catches contexts that are built for a page which has gone by the time they are ready.
    """
    await session.connect(greet=False)
