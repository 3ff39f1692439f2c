"""Photos are sent to a Socket.IO server under uvicorn."""

import os

import socketio
import uvicorn

photos = socketio.AsyncServer(async_mode="asgi", cors_allowed_origins="*", ping_interval=1)


@photos.on("photo")
async def stored(sid, about, data=b""):
    return len(data)


uvicorn.run(
    socketio.ASGIApp(photos), host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning"
)
