"""What the servers of this folder share: a FastAPI chat in which one function answers each line."""

import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import uvicorn
from fastapi import FastAPI, WebSocket, WebSocketDisconnect

LEAKS = sys.argv[1:] == ["leaky"]
"""Which of its two sides the server shows: the one with the bug, or the one without."""
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


async def lines(page: WebSocket) -> AsyncIterator[str]:
    """What the page says, until it leaves."""
    try:
        while True:
            yield await page.receive_text()
    except WebSocketDisconnect:
        pass


def serve(answer: Callable[[str], Awaitable[str]], lifespan: Lifespan | None = None) -> None:
    """Answer the lines of each page until the process ends."""
    app = FastAPI(lifespan=lifespan)

    @app.websocket("/chat")
    async def chat(page: WebSocket) -> None:
        await page.accept()
        async for line in lines(page):
            await page.send_text(await answer(line))

    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning")
