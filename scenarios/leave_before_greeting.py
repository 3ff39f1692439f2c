"""Leave while the server is still getting ready."""

from leak_harness import OpenLlmVtuberSession, scenario


@scenario(connect=False)
async def leave_before_greeting(session: OpenLlmVtuberSession) -> None:
    """Connect, and close before the greeting has come.

    Catches contexts that are built for a page which has gone by the time they are ready.
    """
    await session.connect(greet=False)
