"""Any server that answers: one message and its answer. Copy it, and say what your server wants to
hear.

leak-harness run plain-request --serve "python server.py {port}" --url "ws://127.0.0.1:{port}/ws"
"""

from leak_harness import PlainSession, scenario


@scenario(protocol="plain")
async def plain_request(session: PlainSession) -> None:
    """Catches what each message of a plain server leaves; `until` says which message is the
    answer.
    """
    await session.request("hello")
    await session.request("how are you?", until=lambda data: len(data) > 0)
    await session.request({"type": "bye"})
