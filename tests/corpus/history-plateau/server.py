"""A chat that keeps its last 1500 lines, and the last 1024 that it rendered."""

import functools
import json
import os
from collections import deque

import uvicorn
from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()
history = deque(maxlen=1500)


@functools.lru_cache(maxsize=1024)
def rendered(line):
    return json.dumps({"line": line, "words": line.split()})


@app.websocket("/chat")
async def chat(page: WebSocket):
    await page.accept()
    try:
        while True:
            line = await page.receive_text()
            history.append({"raw": line, "html": rendered(line)})
            await page.send_text(f"ok {len(history)}")
    except WebSocketDisconnect:
        pass


uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning")
