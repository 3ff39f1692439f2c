"""A line said to a room, and a clean close. Daphne reaps finished applications once a second."""

from harness import scenario


@scenario(protocol="plain", path="/room", settle_s=2.5)
async def a_line_to_the_room(session):
    """Say one line, and hear it."""
    await session.request("hello", until="hello")
