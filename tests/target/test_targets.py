"""Servers of every sort, come by in every way: each a real process."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import command
import psutil
import pytest
import trustme
import websockets
from probed_process import interpreter, until
from server_scripts import ECHO, ECHO_SCENARIO, written

from harness.target.launched import free_port

RUN = ["run", "echo.py", "--protocol", "plain"]
SHORT = ["--cycles", "3", "--sessions", "1", "--no-explain", "--json", "--out", "out"]

FASTAPI = """
from fastapi import FastAPI, WebSocket, WebSocketDisconnect
app = FastAPI()

@app.websocket("/")
async def echo(page: WebSocket):
    await page.accept()
    try:
        while True:
            await page.send_text(await page.receive_text())
    except WebSocketDisconnect:
        pass
"""
AIOHTTP = """
import os
from aiohttp import web

async def echo(request):
    page = web.WebSocketResponse()
    await page.prepare(request)
    async for message in page:
        await page.send_str(message.data)
    return page

app = web.Application()
app.router.add_get("/", echo)
web.run_app(app, host="127.0.0.1", port=int(os.environ["PORT"]))
"""
TORNADO = """
import asyncio, os, tornado.web, tornado.websocket

class Echo(tornado.websocket.WebSocketHandler):
    def on_message(self, message):
        self.write_message(message)

async def main():
    tornado.web.Application([("/", Echo)]).listen(int(os.environ["PORT"]), "127.0.0.1")
    await asyncio.Event().wait()

asyncio.run(main())
"""
NODE = """
const { WebSocketServer } = require("ws")
const options = { port: process.env.PORT, host: "127.0.0.1", perMessageDeflate: true }
const echo = (page) => (data, isBinary) => page.send(data, { binary: isBinary })
new WebSocketServer(options).on("connection", (page) => page.on("message", echo(page)))
"""
NODE_PATH = os.pathsep.join(filter(None, (os.environ.get("NODE_PATH"), "/usr/share/nodejs")))
"""Where Debian keeps the packages, and a Node that is not Debian's does not look."""
WITH_PAGE = (
    """
from prometheus_client import start_http_server
start_http_server(int(os.environ["PAGE_PORT"]), "127.0.0.1")
"""
    + ECHO
)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "echo.py").write_text(ECHO_SCENARIO)
    return tmp_path


def run(
    folder: Path, *words: str, variables: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return command.done(folder, *RUN, *SHORT, *words, variables=variables)


def measured(folder: Path, *words: str, **more: Any) -> dict[str, Any]:
    """The result of a short run that did what its script says; nothing is decided in three
    sessions.
    """
    done = run(folder, *words, **more)
    assert (done.returncode, "Traceback" in done.stderr) == (3, False), done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    assert (result["sessions"], result["sessions_failed"]) == (3, 0)
    return result


def values(folder: Path) -> dict[str, float]:
    """What the last rest sample read."""
    lines = [json.loads(line) for line in (folder / "out" / "run.jsonl").read_text().splitlines()]
    found: dict[str, float] = [line for line in lines if line["line"] == "rest"][-1]["values"]
    return found


@contextmanager
def running(
    folder: Path, handler: str, python: str = sys.executable, **variables: str
) -> Iterator[tuple[psutil.Process, int]]:
    """A server that somebody else has started, with our packages whatever its Python is."""
    port = free_port()
    packages = str(Path(websockets.__file__).parent.parent)
    environment = {**os.environ, "PORT": str(port), "PYTHONPATH": packages, **variables}
    with subprocess.Popen(
        [python, *written(folder, handler).split()[1:]], env=environment
    ) as server:
        try:
            until(lambda: listens(port))
            yield psutil.Process(server.pid), port
        finally:
            server.kill()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize(
    ("text", "command"),
    [
        (FASTAPI, "-m uvicorn app:app --port {port} --workers 2"),
        (AIOHTTP, "app.py"),
        (TORNADO, "app.py"),
    ],
    ids=["uvicorn with two workers", "aiohttp", "tornado"],
)
def test_servers_of_every_framework_are_looked_into_unchanged(
    place: Path, text: str, command: str
) -> None:
    (place / "app.py").write_text(text)
    measured(place, "--serve", f"{sys.executable} {command}")
    assert {"uss", "malloc_in_use", "gc_objects", "tasks"} <= values(place).keys()
    assert values(place)["children"] >= (2 if "workers" in command else 0)


def test_a_server_that_is_no_python_is_measured_from_outside_and_that_is_said(place: Path) -> None:
    if shutil.which("node") is None:
        pytest.skip("there is no node")
    path = {"NODE_PATH": NODE_PATH}
    if subprocess.run(
        ["node", "-e", "require('ws')"], env=os.environ | path, check=False, capture_output=True
    ).returncode:
        pytest.skip("node has no package ws here")
    (place / "app.js").write_text(NODE)
    measured(place, "--serve", "sh -c 'exec node app.js'", variables=path)
    assert "uss" in values(place)
    assert "gc_objects" not in values(place)
    assert "without the probe" in (place / "out" / "summary.md").read_text()


def test_a_server_is_ready_when_its_log_says_so(place: Path) -> None:
    handler = (
        f"print('warming up', flush=True); time.sleep(0.5); print('open for chat', "
        f"flush=True)\n{ECHO}"
    )
    measured(place, "--serve", written(place, handler), "--ready-log", "open for .hat")
    done = run(
        place,
        "--serve",
        written(place, "raise SystemExit(3)"),
        "--ready-log",
        "never",
        "--out",
        "other",
    )
    assert (done.returncode, "Traceback" in done.stderr) == (4, False)


def test_a_server_that_runs_already_is_measured_and_left_alone(place: Path) -> None:
    with running(place, ECHO) as (server, port):
        result = measured(place, "--pid", str(server.pid), "--url", f"ws://127.0.0.1:{port}")
        assert result["target"]["mode"] == "pid"
        assert "uss" in values(place)
        assert server.is_running()


@pytest.mark.parametrize("version", ["3.13", "3.14"])
def test_the_probe_is_put_into_a_server_that_runs_already_and_leaves_with_us(
    place: Path, version: str
) -> None:
    with running(place, ECHO, interpreter(version)) as (server, port):
        threads = server.num_threads()
        measured(
            place, "--pid", str(server.pid), "--url", f"ws://127.0.0.1:{port}", "--attach-probe"
        )
        if "gc_objects" in values(place):
            until(lambda: server.num_threads() == threads)
            assert "leak-harness" not in str(server.net_connections("unix"))
            return
        assert server.is_running()
    # no gdb, or one that this machine is too new for
    assert (version, "without the probe" in (place / "out" / "summary.md").read_text()) == (
        "3.13",
        True,
    )


def test_a_server_elsewhere_is_measured_by_its_page(place: Path) -> None:
    page = free_port()
    with running(place, WITH_PAGE, PAGE_PORT=str(page)) as (_, port):
        words = [
            "--url",
            f"ws://127.0.0.1:{port}",
            "--metrics-url",
            f"http://127.0.0.1:{page}/metrics",
        ]
        result = measured(place, *words)
        assert result["gates"]["memory"]["metric"] == "rss"
        assert values(place)["rss"] > 2**20
        assert values(place)["descriptors"] > 3
        done = run(place, *words, "--metric", "rss=no_such_name", "--out", "other")
        assert done.returncode == 4
        assert "has no no_such_name" in done.stderr
        assert "process_resident_memory_bytes" in done.stderr


def test_a_control_group_is_measured(place: Path) -> None:
    group = Path("/sys/fs/cgroup") / Path("/proc/self/cgroup").read_text().strip().partition("::")[
        2
    ].lstrip("/")
    if not (group / "memory.current").exists():
        (place / "group").mkdir()
        group = place / "group"
        (group / "memory.current").write_text(str(9 * 2**20))
        (group / "memory.stat").write_text(f"anon 1\ninactive_file {2**20}\n")
    with running(place, ECHO) as (_, port):
        measured(place, "--url", f"ws://127.0.0.1:{port}", "--cgroup", str(group))
        assert values(place)["rss"] >= 2**20


def test_tls_is_trusted_where_its_authority_is(place: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(place / "ca.pem")
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(
        place / "server.pem"
    )
    handler = f"""
import ssl
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
tls.load_cert_chain({str(place / "server.pem")!r})
plain = serve
def serve(*arguments):
    return plain(*arguments, ssl=tls)
{ECHO}"""
    with running(place, handler) as (server, port):
        words = ["--pid", str(server.pid), "--url", f"wss://localhost:{port}"]
        measured(place, *words, "--ca", "ca.pem")
        measured(place, *words, "--insecure", "--out", "second")
        refused = run(place, *words, "--out", "third")
        assert (refused.returncode, "certificate is not trusted" in refused.stderr) == (4, True)
        (place / "no.pem").write_text("nothing")
        assert (
            "holds no certificates"
            in run(place, *words, "--ca", "no.pem", "--out", "fourth").stderr
        )


def test_a_unix_socket_is_connected_to(place: Path) -> None:
    script = f"""
from websockets.asyncio.server import unix_serve
serve = lambda handle, *_: unix_serve(handle, {str(place / "page.sock")!r})
{ECHO}"""
    measured(place, "--serve", written(place, script), "--unix", str(place / "page.sock"))


WANTS_LOGIN = (
    """
from http import HTTPStatus
plain = serve
def check(connection, request):
    seen = [request.headers.get(name) for name in ("Authorization", "Cookie")]
    if seen != ["Bearer sesame-1", "visit=cookie-2"]:
        return connection.respond(HTTPStatus.UNAUTHORIZED, "who are you?")
def serve(*arguments):
    return plain(*arguments, process_request=check)
"""
    + ECHO
)


def test_a_login_comes_from_the_environment_and_stands_nowhere(place: Path) -> None:
    with running(place, WANTS_LOGIN) as (server, port):
        url = f"ws://127.0.0.1:{port}/?access_token=query-3"
        words = [
            "--pid",
            str(server.pid),
            "--url",
            url,
            "--auth",
            "bearer:SERVER_TOKEN",
            "--cookie",
            "visit=cookie-2",
        ]
        measured(place, *words, variables={"SERVER_TOKEN": "sesame-1"})
        told = [path.read_text(errors="replace") for path in (place / "out").iterdir()]
        assert not [
            text for text in told if "sesame-1" in text or "cookie-2" in text or "query-3" in text
        ]
        assert "visit=***" in (place / "out" / "result.json").read_text()
        unset = run(place, *words, "--out", "second")
        assert (unset.returncode, "the environment has no SERVER_TOKEN" in unset.stderr) == (
            2,
            True,
        )
        refused = run(place, *words[:4], "--out", "third")
        assert (refused.returncode, "see --auth" in refused.stderr) == (4, True)
        assert "query-3" not in refused.stderr


@pytest.mark.parametrize(("words", "status", "says"), [
    (["--pid", "4194304"], 4, "there is no process 4194304"),
    (["--pid", "0"], 2, "'0' is not a process id"),
    (["--pid", "1", "--url", ""], 2, "--pid does not say where to connect"),
    (["--pid", "1", "--serve", "true"], 2, "--serve and --pid name different targets"),
    (["--pid", "1", "--fault", "thread"], 2, "--fault is for the embedded server"),
    (["--metrics-url", "http://127.0.0.1:1/metrics"], 4, "is the page there?"),
    (["--cgroup", "nowhere"], 2, "has no memory.current"),
    (["--container", "no-such-one"], (2, 4), "no-such-one|docker"),
])  # fmt: skip
def test_a_target_that_is_none(place: Path, words: list[str], status: int, says: str) -> None:
    done = run(place, *(words if "--url" in words else [*words, "--url", "ws://127.0.0.1:9"]))
    assert done.returncode in (status if isinstance(status, tuple) else (status,))
    assert any(one in done.stderr for one in says.split("|")), done.stderr
    assert "Traceback" not in done.stderr


ANSWERS = (
    """
from http import HTTPStatus
plain = serve
def check(connection, request):
    if request.path == "/page":
        return connection.respond(HTTPStatus.OK, "a page")
    if request.path == "/moved":
        answer = connection.respond(HTTPStatus.FOUND, "")
        answer.headers["Location"] = "http://127.0.0.1/elsewhere"
        return answer
def serve(*arguments):
    return plain(*arguments, process_request=check, subprotocols=["chat.v2"])
"""
    + ECHO
)


@pytest.mark.parametrize(("path", "words", "says"), [
    ("/page", [], "an HTTP server without a WebSocket"),
    ("/moved", [], "it redirects to http://127.0.0.1/elsewhere"),
    ("/", ["--subprotocol", "chat.v1"], "subprotocol"),
])  # fmt: skip
def test_an_answer_that_is_no_handshake_is_told_at_once(
    place: Path, path: str, words: list[str], says: str
) -> None:
    with running(place, ANSWERS) as (server, port):
        done = run(place, "--pid", str(server.pid), "--url", f"ws://127.0.0.1:{port}{path}", *words)
    assert (done.returncode, "Traceback" in done.stderr) == (4, False)
    assert says in done.stderr


def test_a_process_that_ends_in_the_middle_is_a_server_that_failed(place: Path) -> None:
    handler = ECHO.replace(
        "async for", "global visits\n    visits += 1\n    if visits > 3: os._exit(1)\n    async for"
    )
    with running(place, handler) as (server, port):
        done = run(
            place, "--pid", str(server.pid), "--url", f"ws://127.0.0.1:{port}", "--cycles", "9"
        )
    assert done.returncode == 4
    assert "has ended" in done.stderr


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_a_process_of_somebody_else_is_told_in_one_line(place: Path) -> None:
    from harness.errors import NotPermitted
    from harness.target.attached import Attached

    with running(place, ECHO) as (server, _):
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.setuid(65534)
                Attached(server.pid)
            except NotPermitted as error:
                os.write(writer, str(error).encode())
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        said = os.read(reader, 4096).decode()
        os.close(reader)
        os.close(writer)
    assert "may not be read by nobody" in said
