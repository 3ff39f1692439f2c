"""An ASGI echo under uvicorn on uvloop."""

import os

import uvicorn


async def echo(scope, receive, send):
    while scope["type"] == "websocket":
        event = await receive()
        if event["type"] == "websocket.connect":
            await send({"type": "websocket.accept"})
        elif event["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": "echo " + event["text"]})
        else:
            return


uvicorn.run(
    echo,
    host="127.0.0.1",
    port=int(os.environ["PORT"]),
    log_level="warning",
    lifespan="off",
    loop="uvloop",
)
