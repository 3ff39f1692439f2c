"""The shipped example of each protocol against a real server that speaks it, and protocols of a
user's own.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import command
from server_scripts import ECHO, written

SOCKETIO = """
import os, socketio, uvicorn
chat = socketio.AsyncServer(async_mode="asgi", cors_allowed_origins="*")

@chat.on("join")
async def join(sid, room):
    return {"joined": room}

@chat.on("say")
async def say(sid, words):
    await chat.emit("said", words, to=sid)

@chat.on("photo")
async def photo(sid, data):
    return bytes(reversed(data["bytes"]))

port = int(os.environ["PORT"])
uvicorn.run(socketio.ASGIApp(chat), host="127.0.0.1", port=port, log_level="warning")
"""
GRAPHQL = """
import os
from collections.abc import AsyncGenerator
import strawberry, uvicorn
from strawberry.asgi import GraphQL

@strawberry.type
class Query:
    @strawberry.field
    def hello(self) -> str:
        return "hi"

@strawberry.type
class Subscription:
    @strawberry.subscription
    async def lines(self) -> AsyncGenerator[str, None]:
        while True:
            yield "a line"

schema = strawberry.Schema(query=Query, subscription=Subscription)
uvicorn.run(GraphQL(schema), host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning")
"""
JSONRPC = """
import json

async def handle(connection):
    async for message in connection:
        asked = json.loads(message)
        await connection.send(json.dumps({"jsonrpc": "2.0", "method": "chat.seen"}))
        if asked["method"] == "fail":
            answer = {"error": {"code": -1, "message": "no such room"}}
        else:
            answer = {"result": asked.get("params")}
        if "id" in asked:
            await connection.send(json.dumps({"jsonrpc": "2.0", "id": asked["id"], **answer}))
"""


def once(folder: Path, text: str, *words: str) -> subprocess.CompletedProcess[str]:
    (folder / "app.py").write_text(text)
    serve = ["--serve", f"{sys.executable} app.py"] if "--serve" not in words else []
    return command.done(folder, "run", "--once", "--trace", *words, *serve)


def test_the_socketio_example_speaks_with_a_real_server(tmp_path: Path) -> None:
    done = once(tmp_path, SOCKETIO, "socketio-chat")
    assert (done.returncode, done.stderr.count("said")) == (0, 1), done.stderr


def test_binary_events_and_namespaces_of_socketio(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("""
from harness import scenario

@scenario(protocol="socketio")
async def photo(session):
    assert await session.call("photo", {"bytes": b"abc"}) == b"cba"
    await session.leave()
    await session.enter("/")
    assert await session.call("join", "again") == {"joined": "again"}
""")
    done = once(tmp_path, SOCKETIO, "mine.py")
    assert done.returncode == 0, done.stderr


def test_the_graphql_example_speaks_with_a_real_server(tmp_path: Path) -> None:
    done = once(tmp_path, GRAPHQL, "graphql-subscription")
    assert (done.returncode, '"type": "subscribe"' in done.stderr) == (0, True), done.stderr


def test_the_older_dialect_of_graphql(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("""
from harness import scenario

@scenario(protocol="graphql", subprotocols=("graphql-ws",))
async def lines(session):
    number = await session.subscribe("subscription { lines }")
    assert (await session.await_result(number))["data"] == {"lines": "a line"}
    await session.complete(number)
""")
    done = once(tmp_path, GRAPHQL, "mine.py")
    assert (done.returncode, '"type": "start"' in done.stderr) == (0, True), done.stderr


def test_an_error_of_graphql_fails_the_session_in_its_own_words(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("""
from harness import scenario

@scenario(protocol="graphql")
async def wrong(session):
    await session.execute("query { nothing }")
""")
    done = once(tmp_path, GRAPHQL, "mine.py")
    assert (done.returncode, "Cannot query field 'nothing'" in done.stderr) == (4, True), (
        done.stderr
    )


def test_the_jsonrpc_example_speaks_with_a_server(tmp_path: Path) -> None:
    done = once(tmp_path, JSONRPC, "jsonrpc-call", "--serve", written(tmp_path, JSONRPC))
    assert done.returncode == 0, done.stderr
    assert (
        done.stdout.rpartition("replies: ")[2].count("ms") == 2
    )  # two calls; a notification is none


def test_errors_and_notifications_of_jsonrpc(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("""
from harness import scenario

@scenario(protocol="jsonrpc")
async def told(session):
    await session.notify("hello")
    assert await session.await_notification("chat.seen") is None
    await session.call("fail")
""")
    done = once(tmp_path, JSONRPC, "mine.py", "--serve", written(tmp_path, JSONRPC))
    assert (done.returncode, "no such room" in done.stderr) == (4, True)


OWN = """
from harness import Greeting, scenario
from harness.sessions.contract import RECEIVE, Send

class Shout:
    name = "shout"
    default_path = "/"
    actions = frozenset({"shout"})
    turns = frozenset({"shout"})
    playback = True

    def open(self):
        yield from ()
        return Greeting()

    def shout(self, words):
        yield Send(words.upper())
        return (yield RECEIVE)

@scenario(protocol=Shout)
async def loud(session):
    assert await session.shout("hello") == "HELLO"
    WRONG
"""


def test_a_protocol_of_the_scenarios_own_needs_no_registration(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(OWN.replace("WRONG", ""))
    done = once(tmp_path, ECHO, "mine.py", "--serve", written(tmp_path, ECHO))
    assert (done.returncode, "replies: none" in done.stdout) == (0, False), done.stderr


def test_an_action_that_the_protocol_lacks_is_told_with_those_that_it_has(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(OWN.replace("WRONG", 'await session.whisper("hello")'))
    done = once(tmp_path, ECHO, "mine.py", "--serve", written(tmp_path, ECHO))
    assert done.returncode == 2
    assert "the session has no 'whisper'; protocol 'shout' has shout" in done.stderr
