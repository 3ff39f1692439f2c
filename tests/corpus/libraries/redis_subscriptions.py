"""redis: a subscription for each line, closed or not."""

import asyncio
import tempfile
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import redis.asyncio
from chat import LEAKS, serve

place = Path(tempfile.mkdtemp()) / "redis.sock"
client = redis.asyncio.Redis(unix_socket_path=str(place), decode_responses=True)
HEARD = []


@asynccontextmanager
async def lifespan(app):
    """Debian's redis-server, for as long as this server runs."""
    words = ["redis-server", "--port", "0", "--unixsocket", str(place), "--save", ""]
    server = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE)
    async for line in server.stdout:
        if b"ready to accept" in line.lower():
            break
    yield
    with suppress(ProcessLookupError):
        server.terminate()
    await server.wait()


async def answer(line):
    """Said to all, and heard by one."""
    heard = client.pubsub()
    await heard.subscribe("lines")
    await client.publish("lines", line)
    while (message := await heard.get_message(timeout=5)) and message["type"] != "message":
        pass
    if LEAKS:
        HEARD.append(heard)
    else:
        await heard.aclose()
    return message["data"]


serve(answer, lifespan)
