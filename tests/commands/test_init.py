"""`leak-harness init`: the first files for the server of a folder."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import command
import pytest

from harness.errors import ExitStatus
from harness.experiment.found_server import found_server
from harness.sessions.scenario import load_scenario

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to"
CHANNELS = {
    "mysite/asgi.py": """
import os
from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
import chat.routing
application = ProtocolTypeRouter({"websocket": URLRouter(chat.routing.websocket_urlpatterns)})
""",
    "chat/routing.py": """
from channels.routing import URLRouter
from django.urls import re_path
from . import consumers
websocket_urlpatterns = [
    re_path(r"^ws/chat/(?P<room_name>\\w+)/$", consumers.ChatConsumer.as_asgi()),
]
""",
    "chat/consumers.py": """
from channels.generic.websocket import AsyncJsonWebsocketConsumer
class ChatConsumer(AsyncJsonWebsocketConsumer):
    async def receive_json(self, content):
        await self.send_json(content)
""",
}
FIXED_PORT = """
import asyncio
from websockets.asyncio.server import serve
async def main():
    async with serve(handle, "localhost", 8765) as server:
        await server.serve_forever()
asyncio.run(main())
"""


def server_of(page: str, folder: Path) -> None:
    """Write the server of a how-to page."""
    text = (HOW_TO / f"{page}.md").read_text(encoding="utf-8")
    found = re.search(r"^```python\n(# app\.py\n.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert found is not None
    (folder / "app.py").write_text(found[1])


def init(folder: Path, *words: str) -> tuple[int, str]:
    """Status and output, with the programs of this environment on the path."""
    path = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = command.done(folder, "init", *words, variables=path)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("page", "framework", "message"),
    [
        ("fastapi", "FastAPI", "you said hello"),
        ("aiohttp", "aiohttp", "you said hello"),
        ("websockets", "websockets", "you said hello"),
        ("tornado", "Tornado", "you said hello"),
        ("socketio", "Socket.IO", '[{"joined":"hello"}]'),
    ],
)
def test_the_files_for_the_server_of_a_page_are_written_and_its_session_is_shown(
    tmp_path: Path, page: str, framework: str, message: str
) -> None:
    server_of(page, tmp_path)
    status, output = init(tmp_path)
    assert status == 0, output
    assert f"wrote visit.py and leak-harness.toml: {framework}, started with" in output
    assert message in output
    assert "ok in " in output
    assert "next: leak-harness run" in output


def test_a_django_project_is_recognised_with_its_application_and_its_path(tmp_path: Path) -> None:
    for name, text in CHANNELS.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    server = found_server(tmp_path)
    assert server is not None
    assert (server.framework, server.path, server.is_json) == (
        "Django Channels",
        "/ws/chat/1/",
        True,
    )
    assert server.command.startswith("uvicorn mysite.asgi:application --port {port}")
    status, output = init(tmp_path, "--no-run")
    assert (status, "next: leak-harness run --once --trace" in output) == (0, True)
    assert load_scenario(str(tmp_path / "visit.py")).name == "visit"
    assert '{"message": "hello"}' in (tmp_path / "visit.py").read_text()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("requirements.txt", "# what we need\nFastAPI>=0.115  # the server\n"),
        ("pyproject.toml", '[project]\nname = "a"\ndependencies = ["fastapi[standard]~=0.115"]\n'),
        ("pyproject.toml", '[tool.poetry.dependencies]\nfastapi = "^0.115"\n'),
    ],
)
def test_a_framework_is_recognised_by_what_the_project_depends_on(
    tmp_path: Path, name: str, text: str
) -> None:
    (tmp_path / name).write_text(text)
    server = found_server(tmp_path)
    assert (server.framework if server else None) == "FastAPI"


def test_an_application_below_src_or_with_parameters_is_addressed_as_it_is(tmp_path: Path) -> None:
    code = (
        "from fastapi import FastAPI\napp = FastAPI()\n@app.websocket('/rooms/{room}/{user}')\n"
        "async def chat(websocket, room, user): ...\n"
    )
    (tmp_path / "src" / "talk").mkdir(parents=True)
    (tmp_path / "src" / "talk" / "main.py").write_text(code)
    (tmp_path / "venv" / "bin").mkdir(parents=True)
    (tmp_path / "venv" / "bin" / "uvicorn").touch()
    server = found_server(tmp_path)
    assert server is not None
    assert server.command.startswith("venv/bin/uvicorn --app-dir src talk.main:app --port {port}")
    assert server.path == "/rooms/1/1"


def test_a_message_of_json_has_the_keys_that_the_server_reads(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "from fastapi import FastAPI\napp = FastAPI()\n@app.websocket('/ws')\n"
        "async def chat(websocket):\n    data = await websocket.receive_json()\n"
        "    print(data['text'], data.get('room'))\n"
    )
    init(tmp_path, "--no-run")
    assert '{"text": "hello", "room": "hello"}' in (tmp_path / "visit.py").read_text()


def test_a_port_that_the_code_names_is_the_one_that_is_visited(tmp_path: Path) -> None:
    (tmp_path / "server.py").write_text(FIXED_PORT)
    init(tmp_path, "--no-run")
    assert 'url = "ws://127.0.0.1:8765/"' in (tmp_path / "leak-harness.toml").read_text()


@pytest.mark.parametrize("name", ["visit.py", "leak-harness.toml"])
def test_no_file_is_overwritten_and_none_is_left_half_way(tmp_path: Path, name: str) -> None:
    server_of("fastapi", tmp_path)
    (tmp_path / name).write_text("mine")
    status, output = init(tmp_path, "--no-run")
    assert (status, f"{name} is there already" in output) == (ExitStatus.USAGE, True)
    assert (tmp_path / name).read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["app.py", name])


def test_a_folder_without_a_known_server_gets_files_to_fill_in(tmp_path: Path) -> None:
    (tmp_path / "server.go").write_text("package main")
    status, output = init(tmp_path)
    assert (status, "Fill in `serve` and `url`" in output) == (0, True)
    assert "# serve = " in (tmp_path / "leak-harness.toml").read_text()
    assert load_scenario(str(tmp_path / "visit.py")).name == "visit"


def test_a_session_that_fails_leaves_the_files_and_says_what_to_change(tmp_path: Path) -> None:
    server_of("fastapi", tmp_path)
    text = (tmp_path / "app.py").read_text()
    (tmp_path / "app.py").write_text(text.replace("await websocket.accept()", "1 / 0"))
    status, output = init(tmp_path)
    assert (status, "The session failed. The files stay." in output) == (4, True), output
    assert (tmp_path / "visit.py").exists()
