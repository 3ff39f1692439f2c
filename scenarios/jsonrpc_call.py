"""A JSON-RPC server: calls, and a notification."""

from leak_harness import JsonrpcSession, scenario


@scenario(protocol="jsonrpc")
async def jsonrpc_call(session: JsonrpcSession) -> None:
    """Catches what calls leave; each is timed until its result is there."""
    await session.call("chat.say", {"text": "hello"})
    await session.notify("chat.typing")
    await session.call("chat.history")
