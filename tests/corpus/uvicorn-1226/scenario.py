"""A load balancer opens a TCP connection and closes it; then a user comes."""

from harness import scenario


@scenario(protocol="plain", connect=False, settle_s=1)
async def a_health_check_and_a_user(session):
    """Two connections a session."""
    await session.tcp()
    await session.close()
    await session.connect()
    await session.request("hello", until="echo hello")
