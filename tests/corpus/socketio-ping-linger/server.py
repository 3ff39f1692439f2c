"""Socket.IO with all its defaults: the ping task of a closed session sleeps on for up to 25 s."""

import os

import socketio
import uvicorn

chat = socketio.AsyncServer(async_mode="asgi", cors_allowed_origins="*")


@chat.on("say")
async def say(sid, words):
    await chat.emit("said", words, to=sid)


uvicorn.run(
    socketio.ASGIApp(chat), host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning"
)
