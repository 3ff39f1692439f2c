"""One user who stays, and says one thing after another."""

from leak_harness import OpenLlmVtuberSession, scenario


@scenario(per="message")
async def long_connection(session: OpenLlmVtuberSession) -> None:
    """One reply on a connection that stays open for the whole run.

    Catches what each message leaves in its session: histories, buffers and subscriptions that are
    let go only when the page closes. Read "session" in the report as "message".
    """
    await session.chat("How are you today?")
