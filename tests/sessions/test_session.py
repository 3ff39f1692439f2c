"""One session against real servers of the `websockets` library."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, cast

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from harness.errors import ConnectionLost, HandshakeRefused, NoReply, UsageError
from harness.sessions.driver import Load
from harness.sessions.handshake import Address, why_not_ready
from harness.sessions.protocols import protocol_named
from harness.sessions.protocols.open_llm_vtuber import Character
from harness.sessions.scenario import Scenario
from harness.sessions.session import Session

LIMIT_S = 60.0
Handler = Callable[[ServerConnection], Awaitable[None]]


async def script(_: Session) -> None:
    """Each test drives its session itself."""


@asynccontextmanager
async def server(handler: Handler, **options: Any) -> AsyncIterator[str]:
    """The address of a server that hands each connection to `handler`."""
    async with serve(handler, "127.0.0.1", 0, **options) as serving:
        yield f"ws://127.0.0.1:{next(iter(serving.sockets)).getsockname()[1]}"


def session(
    url: str, protocol: str = "plain", *, reply_limit_s: float = LIMIT_S, **address: Any
) -> Session:
    limits = Scenario(
        "test", script, reply_limit_s=reply_limit_s, connect_limit_s=LIMIT_S, switch_limit_s=LIMIT_S
    )
    load = Load(limits, protocol_named(protocol), Address(url, **address))
    return cast(Session, load.session())


async def echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


class Watching:
    """A handler that keeps what the server saw of its one connection."""

    def __init__(self) -> None:
        self.path = ""
        self.headers: dict[str, str] = {}
        self.extensions = ""
        self.subprotocol: str | None = None
        self.ended: asyncio.Future[ConnectionClosed] = asyncio.get_running_loop().create_future()

    async def __call__(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        assert connection.response is not None
        self.path, self.headers = (
            connection.request.path,
            dict(connection.request.headers.raw_items()),
        )
        self.extensions = connection.response.headers.get("Sec-WebSocket-Extensions", "")
        self.subprotocol = connection.subprotocol
        try:
            while True:
                await connection.recv()
        except ConnectionClosed as closed:
            self.ended.set_result(closed)


async def test_a_session_asks_for_the_path_headers_and_subprotocol_it_was_given() -> None:
    seen = Watching()
    async with server(seen, subprotocols=["chat.v2"]) as url:
        one = session(url, headers={"X-Team": "a"}, subprotocols=("chat.v2",))
        await one.connect(path="/rooms/7?x=1", headers={"X-One": "b"})
        await one.close()
        await seen.ended
    assert (seen.path, seen.subprotocol) == ("/rooms/7?x=1", "chat.v2")
    assert (seen.headers["X-Team"], seen.headers["X-One"]) == ("a", "b")


@pytest.mark.parametrize("compression", [True, False])
async def test_compression_is_negotiated_only_where_it_is_wanted(compression: bool) -> None:
    seen = Watching()
    async with server(seen) as url:
        one = session(url, compression=compression)
        await one.connect()
        await one.close()
        await seen.ended
    assert ("permessage-deflate" in seen.extensions) is compression


async def test_a_proper_close_has_a_close_frame_with_1000() -> None:
    seen = Watching()
    async with server(seen) as url:
        one = session(url)
        await one.connect()
        await one.close()
        ended = await seen.ended
    assert ended.rcvd is not None
    assert ended.rcvd.code == 1000


async def test_a_drop_has_no_close_frame() -> None:
    seen = Watching()
    async with server(seen) as url:
        one = session(url)
        await one.connect()
        await one.drop()
        assert (await seen.ended).rcvd is None
        await one.close()
    assert one.counts == {"connect": 1, "greeting": 1, "drop": 1}


async def test_a_drop_of_what_the_server_has_closed_is_no_error() -> None:
    async def leave(connection: ServerConnection) -> None:
        await connection.close(1011)

    async with server(leave) as url:
        one = session(url)
        await one.connect()
        await one._connection.websocket.wait_closed()
        await one.drop()
        await one.close()
    assert one.counts["drop"] == 1


class Pinging:
    """A handler that pings each connection once, and notes who answered and how each one ended."""

    def __init__(self) -> None:
        self.answered: list[str] = []
        self.may_ping = asyncio.Event()
        self.pinged = asyncio.Event()
        self.ponged = asyncio.Event()
        self.closed: list[str] = []

    async def __call__(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        try:
            await self.may_ping.wait()
            pong = await connection.ping()
            self.pinged.set()
            await pong
            self.answered.append(connection.request.path)
            self.ponged.set()
            await connection.wait_closed()
        except ConnectionClosed:
            self.closed.append(connection.request.path)


async def test_a_session_that_vanishes_answers_no_ping_and_is_reset_at_its_end() -> None:
    pinging = Pinging()
    async with server(pinging, ping_interval=None) as url:
        gone, there = session(url), session(url)
        await gone.connect(path="/gone")
        await gone.vanish()
        pinging.may_ping.set()
        await pinging.pinged.wait()
        await there.connect(path="/there")
        async with asyncio.timeout(LIMIT_S):
            await pinging.ponged.wait()
        await there.close()
        await gone.close()
    assert pinging.answered == ["/there"]
    assert pinging.closed == ["/gone"]


def refuse(_: ServerConnection, request: Request) -> Response | None:
    if request.path == "/secret":
        return Response(HTTPStatus.FORBIDDEN, "Forbidden", request.headers.__class__())
    return None


async def test_a_refusal_that_the_script_expects_is_no_failure() -> None:
    async with server(echo, process_request=refuse) as url:
        await session(url).connect(path="/secret", expect_status=403)


async def test_a_refusal_shows_that_a_server_is_up_only_where_any_answer_will_do() -> None:
    async with server(echo, process_request=refuse) as url:
        secret = Address(f"{url}/secret")
        with pytest.raises(HandshakeRefused, match="see --auth"):
            await why_not_ready(secret)
        assert not await why_not_ready(secret, any_answer=True)


@pytest.mark.parametrize(
    ("path", "expected", "words"), [("/secret", 404, "status 403"), ("/", 403, "was to be refused")]
)
async def test_another_answer_than_the_expected_one_is_a_failure(
    path: str, expected: int, words: str
) -> None:
    async with server(echo, process_request=refuse) as url:
        one = session(url)
        with pytest.raises(HandshakeRefused, match=words):
            await one.connect(path=path, expect_status=expected)
        await one.close()


async def test_nobody_listening_is_a_refused_handshake() -> None:
    async with server(echo) as url:
        pass
    with pytest.raises(HandshakeRefused):
        await session(url).connect()
    with pytest.raises(HandshakeRefused):
        await session(url).tcp()
    assert "is the server listening there?" in await why_not_ready(Address(url))


async def test_a_wrong_scheme_is_told_with_a_right_one() -> None:
    with pytest.raises(UsageError, match="ws://127"):
        await session("http://127.0.0.1:1/").connect()


async def test_a_script_can_leave_before_the_application_has_greeted() -> None:
    seen = Watching()
    async with server(seen) as url:
        one = session(url, "open-llm-vtuber")
        await one.connect(greet=False)
        await one.close()
        assert (await seen.ended).rcvd is not None
    assert one.characters == ()


async def test_a_bare_tcp_connection_says_nothing() -> None:
    said: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said.set_result(await reader.read())
        writer.close()

    async with await asyncio.start_server(listen, "127.0.0.1", 0) as listening:
        one = session(f"ws://127.0.0.1:{listening.sockets[0].getsockname()[1]}")
        await one.tcp()
        await one.close()
        assert await said == b""


def greet_by_http(_: ServerConnection, request: Request) -> Response | None:
    if request.path == "/login":
        return Response(HTTPStatus.OK, "OK", request.headers.__class__(), b'{"room": "/rooms/9"}')
    return None


async def test_a_value_of_an_http_answer_leads_to_the_websocket() -> None:
    seen = Watching()
    async with server(seen, process_request=greet_by_http) as url:
        one = session(f"{url}/client-ws")
        answer = await one.http("GET", "/login")
        await one.connect(path=answer.json()["room"])
        await one.close()
        await seen.ended
    assert seen.path == "/rooms/9"
    assert one.counts["http"] == 1


def test_another_path_keeps_host_and_port() -> None:
    assert Address("ws://news.example:8000/ws?x=1").at("/a") == "ws://news.example:8000/a"
    assert Address("wss://[::1]/ws").at("/a", scheme="https") == "https://[::1]/a"


async def test_a_reply_is_timed_and_counted() -> None:
    async with server(echo) as url:
        one = session(url)
        await one.connect()
        assert (await one.chat("hi")).text == "hi"
        assert await one.request({"a": 1}, until='"a"') == '{"a": 1}'
        await one.close()
    assert [
        reply.first_text_s is not None and reply.complete_s >= reply.first_text_s
        for reply in one.replies
    ] == [
        True,
        True,
    ]
    assert one.counts == {"connect": 1, "greeting": 1, "chat": 1, "request": 1}


async def test_raw_messages_go_as_text_bytes_or_json() -> None:
    async with server(echo) as url:
        one = session(url)
        await one.connect()
        answers = []
        for message in ("text", b"\x00\x01", {"小": 1}):
            await one.send(message)
            answers.append(await one.receive())
        await one.close()
    assert answers == ["text", b"\x00\x01", '{"小": 1}']


async def test_a_reply_that_does_not_come_in_time_is_named_with_its_limit() -> None:
    async with server(Watching()) as url:
        one = session(url, reply_limit_s=0.05)
        await one.connect()
        with pytest.raises(NoReply, match=r"chat: not done within 0\.05s"):
            await one.chat("hi")
        await one.close()


async def test_a_server_that_hangs_up_in_the_middle_is_a_lost_connection() -> None:
    async def leave(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.close(1011, "no room")

    async with server(leave) as url:
        one = session(url)
        await one.connect()
        with pytest.raises(ConnectionLost, match="no room"):
            await one.chat("hi")
        await one.close()


async def test_an_action_that_the_protocol_lacks_names_those_it_has() -> None:
    async with server(echo) as url:
        one = session(url)
        await one.connect()
        with pytest.raises(AttributeError, match="protocol 'plain' has chat, request"):
            await one.switch_character(Character("x.yaml", "x"))
        await one.close()


class Talker:
    """Speaks enough of open-llm-vtuber for one turn, and keeps what it was sent."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    async def __call__(self, connection: ServerConnection) -> None:
        await connection.send('{"type": "control", "text": "start-mic"}')
        async for data in connection:
            message = json.loads(data)
            self.heard.append(message["type"])
            for answer in ANSWERS.get(message["type"], ()):
                await connection.send(json.dumps(answer))


ANSWERS: dict[str, list[dict[str, Any]]] = {
    "fetch-configs": [{"type": "config-files", "configs": [{"filename": "a.yaml", "name": "A"}]}],
    "text-input": [
        {"type": "audio", "audio": "AAAA", "display_text": {"text": "Hello."}},
        {"type": "backend-synth-complete"},
    ],
    "frontend-playback-complete": [{"type": "control", "text": "conversation-chain-end"}],
    "heartbeat": [{"type": "heartbeat-ack"}],
}


async def talk(act: Callable[[Session], Awaitable[object]]) -> tuple[list[str], Session]:
    """What the server heard of one action, up to a fence."""
    talker = Talker()
    async with server(talker) as url:
        one = session(url, "open-llm-vtuber")
        await one.connect()
        await act(one)
        await one.heartbeat()
        await one.close()
    return talker.heard[1:-1], one


async def test_a_page_says_that_it_has_played_what_it_was_sent() -> None:
    heard, one = await talk(lambda one: one.chat("hi"))
    assert heard == ["text-input", "frontend-playback-complete"]
    assert one.characters == (Character("a.yaml", "A"),)


async def test_without_playback_it_never_says_so() -> None:
    async def chat(one: Session) -> None:
        one.playback = False
        await one.chat("hi")

    assert (await talk(chat))[0] == ["text-input"]


async def test_a_reply_can_be_left_at_its_first_text() -> None:
    heard, one = await talk(lambda one: one.chat("hi", leave_at="first_text"))
    assert heard == ["text-input"]
    assert (one.replies, one.counts["chat"]) == ([], 1)


async def test_a_switch_can_be_asked_for_without_waiting() -> None:
    heard, one = await talk(lambda one: one.switch_character(one.characters[0], answered=False))
    assert heard == ["switch-config"]
    assert (one.switches_s, one.counts["switch_character"]) == ([], 1)
