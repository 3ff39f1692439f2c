"""A visit to the chat room."""

from leak_harness import Session, scenario


@scenario(protocol="plain")
async def visit(session: Session) -> None:
    """Say two lines and hear both, then leave."""
    await session.request("hello", until="hello")
    await session.request("how are you?", until="how are you?")
