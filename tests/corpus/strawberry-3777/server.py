"""A subscription to a room in which nobody speaks: FastAPI and strawberry."""

import asyncio
import os
from collections.abc import AsyncGenerator

import strawberry
import uvicorn
from fastapi import FastAPI
from strawberry.fastapi import GraphQLRouter

said = asyncio.Event()


class Viewer:
    def __init__(self):
        self.backlog = bytearray(4096)


@strawberry.type
class Query:
    @strawberry.field
    def name(self) -> str:
        return "room"


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def lines(self) -> AsyncGenerator[str, None]:
        viewer = Viewer()
        while True:
            await said.wait()
            yield str(len(viewer.backlog))


app = FastAPI()
app.include_router(
    GraphQLRouter(strawberry.Schema(query=Query, subscription=Subscription)), prefix="/graphql"
)
uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning")
