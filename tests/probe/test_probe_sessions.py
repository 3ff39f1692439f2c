"""Whose a task is: four connections at once to real servers under the probe, with tasks made on
later messages.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import trustme
from probed_process import Launch, Launched, interpreter, until
from websockets.asyncio.client import connect

HEAD = """
import asyncio, contextvars, os, socket, ssl, sys, threading

made, where = [], sys.argv[1:]
listening = socket.create_server(("127.0.0.1", 0))
listening.setblocking(False)
parts = ("task_origins", "connections")
probe = {name: sys.modules[f"_leak_harness_probe.{name}"] for name in parts}

def said(name):
    if name in ("soon", "timer"):
        timer = asyncio.get_running_loop().call_later(300 if name == "soon" else 600, print)
        return None if name == "soon" else timer.cancel()
    context = {"context": contextvars.Context()} if name == "elsewhere" else {}
    made.append((name, asyncio.get_running_loop().create_task(stay(), **context)))

async def stay():
    await asyncio.Event().wait()

def owners():
    return [(name, id(probe["task_origins"].session_of(task))) for name, task in made]

def remembered():
    import gc
    gc.collect()
    kept = sum(isinstance(one, probe["connections"].Session) for one in gc.get_objects())
    return kept, len(probe["connections"]._awaited), len(probe["connections"]._shared)

def end():
    loop = made[0][1].get_loop()
    while made:
        loop.call_soon_threadsafe(made.pop()[1].cancel)

def obey():
    for line in sys.stdin:
        try:
            answer = eval(line, globals())
        except SyntaxError:
            answer = exec(line, globals())
        print(repr(answer), flush=True)
    os._exit(0)

threading.Thread(target=obey, daemon=True).start()

def run(main):
    if "uvloop" in where:
        import uvloop
        uvloop.run(main)
    else:
        asyncio.run(main)
"""
WEBSOCKETS = """
from websockets.asyncio.server import serve

async def handle(connection):
    async for message in connection:
        said(message)
        await connection.send("ok")

async def main():
    async with serve(handle, sock=listening):
        await asyncio.Future()

run(main())
"""
AIOHTTP = """
from aiohttp import web

async def handle(request):
    connection = web.WebSocketResponse()
    await connection.prepare(request)
    async for message in connection:
        said(message.data)
        await connection.send_str("ok")
    return connection

async def main():
    application = web.Application()
    application.router.add_get("/", handle)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.SockSite(runner, listening).start()
    await asyncio.Future()

run(main())
"""
UVICORN = """
import uvicorn

async def app(scope, receive, send):
    while (event := await receive())["type"] != "websocket.disconnect":
        if event["type"] == "websocket.connect":
            await send({"type": "websocket.accept"})
        else:
            said(event["text"])
            await send({"type": "websocket.send", "text": "ok"})

config = uvicorn.Config(
    app, loop=where[0], http=where[1], ws=where[2], lifespan="off", log_level="error"
)
uvicorn.Server(config).run(sockets=[listening])
"""
TORNADO = """
import tornado.web, tornado.websocket, tornado.httpserver

class Handler(tornado.websocket.WebSocketHandler):
    def on_message(self, message):
        said(message)
        self.write_message("ok")

async def main():
    application = tornado.web.Application([("/", Handler)])
    tornado.httpserver.HTTPServer(application).add_sockets([listening])
    await asyncio.Future()

run(main())
"""
RAW = """
class Plain(asyncio.Protocol):
    __slots__ = ("transport", "__weakref__")

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        said(data.decode())
        self.transport.write(b"ok")

class Buffered(asyncio.BufferedProtocol):
    def __init__(self):
        self.buffer = bytearray(64)

    def connection_made(self, transport):
        self.transport = transport

    def get_buffer(self, sizehint):
        return self.buffer

    def buffer_updated(self, count):
        said(self.buffer[:count].decode())
        self.transport.write(b"ok")

async def handled(reader, writer):
    while data := await reader.read(64):
        said(data.decode())
        writer.write(b"ok")

async def main():
    loop = asyncio.get_running_loop()
    context = None
    if "tls" in where:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain("server.pem")
    if "unix" in where:
        await loop.create_unix_server(Plain, "here")
    elif "streams" in where:
        await asyncio.start_server(handled, sock=listening, ssl=context)
    else:
        protocol = Buffered if "buffered" in where else Plain
        await loop.create_server(protocol, sock=listening, ssl=context)
    await asyncio.Future()

run(main())
"""
SERVERS = {
    "websockets": (WEBSOCKETS, "asyncio"),
    "websockets-uvloop": (WEBSOCKETS, "uvloop"),
    "aiohttp": (AIOHTTP, "asyncio"),
    "aiohttp-uvloop": (AIOHTTP, "uvloop"),
    "uvicorn": (UVICORN, "asyncio", "h11", "wsproto"),
    "uvicorn-uvloop": (UVICORN, "uvloop", "h11", "websockets-sansio"),
    "tornado": (TORNADO, "asyncio"),
}


Serve = Callable[..., tuple[Launched, int]]


@pytest.fixture
def authority(tmp_path: Path) -> trustme.CA:
    authority = trustme.CA()
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(
        str(tmp_path / "server.pem")
    )
    return authority


@pytest.fixture
def serve(launch: Launch, tmp_path: Path) -> Serve:
    def start(script: str, *words: str, python: str = sys.executable) -> tuple[Launched, int]:
        (tmp_path / "server.py").write_text(HEAD + script)
        server = launch(str(tmp_path / "server.py"), *words, python=python)
        return server, server.do("listening.getsockname()[1]")

    return start


def check_owners(server: Launched) -> None:
    """Each name's tasks are of one session, which is no other's."""
    owners: dict[str, set[int]] = {}
    for name, owner in server.do("owners()"):
        owners.setdefault(name, set()).add(owner)
    assert len(owners) == 4
    assert [len(found) for found in owners.values()] == [1, 1, 1, 1], owners
    assert len(set.union(*owners.values())) == 4
    assert server.do("id(None)") not in set.union(*owners.values())


@pytest.mark.parametrize("name", SERVERS)
async def test_tasks_of_four_connections_at_once_are_owned_right(name: str, serve: Serve) -> None:
    server, port = serve(*SERVERS[name])
    peer = await asyncio.to_thread(server.peer)
    async with AsyncExitStack() as stack:
        connections = [
            await stack.enter_async_context(connect(f"ws://127.0.0.1:{port}/")) for _ in range(4)
        ]
        for _ in range(2):
            for connection, word in zip(connections, "abcd", strict=True):
                await connection.send(word)
            for connection in connections:
                await connection.recv()
        check_owners(server)
        assert peer.gauges()["left_tasks"] == 0
        for connection in connections[:3]:
            await connection.close()
        until(lambda: peer.gauges()["leaving_sessions"] == 3)
        assert peer.gauges()["left_tasks"] == 6
        group = next(
            one for one in peer.ask("census", followed=[])["tasks"] if one["coroutine"] == "stay"
        )
        assert (group["count"], group["left"], group["closed_sessions"]) == (8, 6, 3)
        assert 0 < group["newest_closed_s"] <= group["oldest_closed_s"]


@pytest.mark.parametrize(
    ("loop", "kind"),
    [
        *(("uvloop", kind) for kind in ("plain", "buffered", "unix", "streams", "tls")),
        *(("asyncio", kind) for kind in ("unix", "buffered tls")),
    ],
)
def test_tasks_that_protocols_make_themselves_are_owned_right(
    loop: str, kind: str, serve: Serve, authority: trustme.CA, tmp_path: Path
) -> None:
    check_protocol(serve(RAW, loop, *kind.split()), loop, kind, authority, tmp_path)


def check_protocol(
    served: tuple[Launched, int], loop: str, kind: str, authority: trustme.CA, folder: Path
) -> None:
    """Four callers speak in turn and leave; what the server made for each was the caller's, and
    nothing is kept.
    """
    server, port = served

    def caller() -> socket.socket:
        if kind == "unix":
            found = socket.socket(socket.AF_UNIX)
            until(lambda: found.connect_ex(str(folder / "here")) == 0)
            return found
        plain = socket.create_connection(("127.0.0.1", port))
        if "tls" not in kind:
            return plain
        context = ssl.create_default_context()
        authority.configure_trust(context)
        return context.wrap_socket(plain, server_hostname="localhost")

    def say(callers: list[socket.socket]) -> None:
        for one, word in zip(callers, "abcd", strict=True):
            one.sendall(word.encode())
        for one in callers:
            assert one.recv(64) == b"ok"

    callers = [caller() for _ in range(4)]
    say(callers)
    say(callers)
    check_owners(server)
    peer = server.peer()
    for one in callers:
        one.close()
    expected = (
        0 if (loop, "tls" in kind) == ("uvloop", True) else 4
    )  # whose transport nobody can watch
    until(lambda: peer.gauges()["leaving_sessions"] == expected)
    server.do("end()")
    until(lambda: server.do("remembered()") == (0, 0, 0))


@pytest.mark.parametrize(
    ("version", "kind"), [("3.9", "tls"), ("3.13", "streams"), ("3.14", "tls")]
)
def test_other_pythons_tell_owners_too(
    version: str, kind: str, serve: Serve, authority: trustme.CA, tmp_path: Path
) -> None:
    check_protocol(
        serve(RAW, "asyncio", kind, python=interpreter(version)),
        "asyncio",
        kind,
        authority,
        tmp_path,
    )


async def test_a_task_that_is_made_in_a_context_of_its_own_belongs_to_no_session(
    serve: Serve,
) -> None:
    server, port = serve(WEBSOCKETS, "asyncio")
    async with connect(f"ws://127.0.0.1:{port}/") as connection:
        for word in ("here", "elsewhere"):
            await connection.send(word)
            await connection.recv()
    owners = dict(server.do("owners()"))
    assert owners["elsewhere"] == server.do("id(None)") != owners["here"]


async def test_a_session_that_only_a_cancelled_timer_holds_is_no_object_of_the_server(
    serve: Serve,
) -> None:
    server, port = serve(WEBSOCKETS, "asyncio")
    peer = await asyncio.to_thread(server.peer)

    async def visit(word: str) -> None:
        async with connect(f"ws://127.0.0.1:{port}/") as connection:
            await connection.send(word)
            await connection.recv()

    def grown() -> int:
        return int(peer.gauges()["gc_objects"] - before["gc_objects"])

    await visit("soon")  # a loop lets go of cancelled timers that would be the next
    before = peer.gauges()
    for _ in range(20):
        await visit("timer")
    until(lambda: grown() < 20)
    assert server.do("remembered()")[0] >= 20
