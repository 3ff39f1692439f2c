"""A chat room: what one user says, everyone hears. It leaks. Can you see where?"""

import asyncio
from collections import deque

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()
queues: set[asyncio.Queue[str]] = set()
tasks: set[asyncio.Task[None]] = set()
history: deque[str] = deque(maxlen=50)


async def deliver(websocket: WebSocket, queue: asyncio.Queue[str]) -> None:
    """Send each line of the room to one user."""
    while True:
        await websocket.send_text(await queue.get())


def say(line: str) -> None:
    """Put a line into the queue of everyone."""
    history.append(line)
    for queue in queues:
        queue.put_nowait(line)


@app.websocket("/chat")
async def chat(websocket: WebSocket) -> None:
    """One user, from connect to disconnect."""
    await websocket.accept()
    queue: asyncio.Queue[str] = asyncio.Queue()
    task = asyncio.create_task(deliver(websocket, queue))
    tasks.add(task)  # or else the task may be collected
    task.add_done_callback(tasks.discard)
    queues.add(queue)
    try:
        while True:
            say(await websocket.receive_text())
    except WebSocketDisconnect:
        queues.discard(queue)
