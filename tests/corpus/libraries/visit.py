"""Each user says a line that nobody has said before."""

from itertools import count

from leak_harness import scenario

numbers = count(1)


@scenario(protocol="plain", path="/chat")
async def visit(session):
    """Three lines."""
    for word in ("good morning", "tell me a story", "good night"):
        await session.request(f"{word} {next(numbers)}")
