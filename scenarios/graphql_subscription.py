"""A GraphQL server: a query, and a subscription that is left after its first value."""

from leak_harness import GraphqlSession, scenario


@scenario(protocol="graphql")
async def graphql_subscription(session: GraphqlSession) -> None:
    """Catches subscriptions that outlive their page; `subprotocols=("graphql-ws",)` asks for the
    older dialect.
    """
    await session.execute("query { hello }")
    lines = await session.subscribe("subscription { lines }")
    await session.await_result(lines)
    await session.complete(lines)
