"""Each user says something that nobody has said before."""

from itertools import count
from uuid import uuid4

from harness import scenario

numbers = count(1)


@scenario(protocol="plain", path="/chat")
async def a_new_line(session):
    """A few hundred bytes."""
    words = f"{next(numbers)} {uuid4()} the quick brown fox jumps over the lazy dog, then it naps. "
    await session.request(words * 4, until="ok")
