"""A page subscribes, and is gone before the first value."""

from harness import scenario


@scenario(protocol="graphql", subprotocols=("graphql-ws",), settle_s=0.5)
async def gone_before_the_first_value(session):
    """The older of the two subprotocols."""
    await session.subscribe("subscription { lines }")
    await session.dwell(0.05)
    await session.drop()
