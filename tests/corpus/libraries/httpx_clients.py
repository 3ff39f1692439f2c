"""httpx: one client with its pool, or one for each line that nobody closes."""

import asyncio
from contextlib import asynccontextmanager

import httpx
from chat import LEAKS, serve

CLIENTS = []
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"


async def api(reader, writer):
    """What the client asks: it answers until the client leaves."""
    while await reader.readline():
        while (await reader.readline()).strip():
            pass
        writer.write(ANSWER)
    writer.close()


@asynccontextmanager
async def lifespan(app):
    """The service that is asked, and the client for all."""
    server = await asyncio.start_server(api, "127.0.0.1", 0)
    app.state.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    URLS.append(app.state.url)
    async with httpx.AsyncClient() as client:
        CLIENTS.append(client)
        yield
    server.close()


URLS = []


async def answer(line):
    """What the service says."""
    if LEAKS:
        CLIENTS.append(httpx.AsyncClient())
    reply = await CLIENTS[-1].get(URLS[0], params={"line": line})
    return reply.text


serve(answer, lifespan)
