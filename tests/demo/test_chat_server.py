"""The chat server as its pages see it, held against recorded sessions of the server that it
stands for.
"""

from __future__ import annotations

import base64
import io
import json
import subprocess
import sys
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from chat_page import MODULE, ROOT, ChatServer, Message, Page, running
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

TRANSCRIPTS = sorted((Path(__file__).parents[1] / "data" / "transcripts").glob("*.jsonl"))
CHARACTERS = ROOT / "harness" / "demo" / "chat_server" / "characters"
QUIET_S = 0.5
"""After so long a silence in a recording nothing more was to come."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChatServer]:
    with running(tmp_path_factory.mktemp("server")) as started:
        yield started


@pytest.fixture(scope="module")
def down(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChatServer]:
    """A server whose first character has neither model nor speech."""
    folder = tmp_path_factory.mktemp("down")
    backends = '[backends]\nmodel = "down"\nspeech = "down"\nretry_s = 0.01\n'
    (folder / "conf.toml").write_text((CHARACTERS / "conf.toml").read_text() + backends)
    with running(folder, "--characters", str(folder)) as started:
        yield started


def recording(file: Path) -> list[dict[str, Any]]:
    """The lines of a recorded session, without its note."""
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()[1:]]


def outline(value: Any) -> Any:
    """Keys and kinds of values, not the values."""
    match value:
        case dict():
            return {key: outline(part) for key, part in value.items()}
        case list():
            return [outline(part) for part in value[:1]]
        case bool() | None:
            return value is not None
        case int() | float():
            return "number"
        case _:
            return type(value).__name__


def essence(message: Message) -> Any:
    """What every run must repeat: the fixed messages whole, of the others their outline."""
    fixed = (
        "control",
        "full-text",
        "error",
        "group-update",
        "backend-synth-complete",
        "force-new-message",
    )
    if message["type"] == "error":  # of a path only what is wrong with it
        return message["message"].partition(": '")[0]
    return message if message["type"] in fixed else (message["type"], outline(message))


def sent(line: dict[str, Any], ours: dict[str, str]) -> str | bytes:
    """What the recorded client sent, about our histories; long lists and waits were shortened."""
    if line["kind"] == "binary":
        return bytes.fromhex(line["data"])
    if line["kind"] == "text-raw":
        return str(line["data"])
    message = {
        key: ours.get(value, value) if key == "history_uid" else value
        for key, value in line["data"].items()
    }
    if message["type"] == "mic-audio-data":
        message["audio"] = message["audio"][:4] * 128
    return json.dumps(message).replace("delay=0.03", "delay=0.003")


async def replay(url: str, lines: list[dict[str, Any]]) -> tuple[list[Message], int | None]:
    """Do what the client did, in its order; what came, and the close code."""
    received: list[Message] = []
    ours: dict[
        str, str
    ] = {}  # what the recorded server has called a history, and what this one calls it
    before_s = 0.0
    async with connect(url, max_size=None) as websocket:
        page = Page(websocket)
        for line in lines:
            if line["dir"] != "recv" and line["t"] - before_s > QUIET_S:
                await page.nothing_more()
            before_s = line["t"]
            if line["dir"] == "recv":
                received.append(await page.receive())
                if line["data"]["type"] == "new-history-created":
                    ours[line["data"]["history_uid"]] = received[-1]["history_uid"]
                elif (
                    line["data"]["type"] == "history-list"
                ):  # within one second their order is chance
                    received[-1]["histories"].sort(
                        key=lambda history: history["uid"] not in ours.values()
                    )
            elif line["dir"] == "send" and "interrupt-signal" in str(line["data"]):
                await page.interrupt()
            elif line["dir"] == "send":
                await websocket.send(sent(line, ours))
            elif line["kind"] == "client-close":
                await websocket.close()
            elif line["kind"].startswith("client-reset"):
                page.drop()
    return received, websocket.close_code


@pytest.mark.parametrize("file", TRANSCRIPTS, ids=lambda file: file.stem)
async def test_a_recorded_session_repeats_message_by_message(
    server: ChatServer, down: ChatServer, file: Path
) -> None:
    lines = recording(file)
    expected = [line["data"] for line in lines if line["dir"] == "recv"]
    received, close_code = await replay((down if "down" in file.stem else server).url, lines)
    if file.stem.startswith("overlapping"):  # two turns at once: how they mix is chance
        received.sort(key=lambda message: str(message["type"]))
        expected.sort(key=lambda message: str(message["type"]))
    assert [essence(message) for message in received] == [essence(message) for message in expected]
    assert close_code == (1006 if "abrupt" in file.stem else 1000)


async def test_a_sentence_comes_as_a_whole_wav_file_with_one_volume_per_slice(
    server: ChatServer,
) -> None:
    async with server.page() as page:
        sentences = [message for message in await page.chat("Sing.") if message["type"] == "audio"]
    assert len(sentences) == 3
    for sentence in sentences:
        with wave.open(io.BytesIO(base64.b64decode(sentence["audio"]))) as wav:
            assert (wav.getframerate(), wav.getnchannels(), wav.getsampwidth()) == (16_000, 1, 2)
            assert (
                wav.getnframes() / 16_000
                == len(sentence["volumes"]) * sentence["slice_length"] / 1000
            )
        assert max(sentence["volumes"]) == 1.0


async def test_back_ends_can_be_taken_away_for_one_turn(server: ChatServer) -> None:
    async with server.page() as page:
        silent = [
            message
            for message in await page.chat("Hi. [[speech=down]]")
            if message["type"] == "audio"
        ]
        spoken = [message for message in await page.chat("Hi.") if message["type"] == "audio"]
    assert [message["audio"] for message in silent] == [None] * 3
    assert all(message["audio"] for message in spoken)


async def test_an_answer_to_the_first_of_two_complete_messages_ends_the_turn_once(
    server: ChatServer,
) -> None:
    async with server.page() as page:
        await page.send("text-input", text="Hi.")
        await page.until("backend-synth-complete")
        await page.send("frontend-playback-complete")
        await page.until("conversation-chain-end")
        await page.send("frontend-playback-complete")
        await page.nothing_more()
        assert (await page.chat("And now?"))[-1]["text"] == "conversation-chain-end"


async def test_a_page_may_switch_to_every_character_that_it_is_told_of(server: ChatServer) -> None:
    async with server.page() as page:
        await page.send("fetch-configs")
        configs = (await page.receive())["configs"]
        assert configs[0]["filename"] == "conf.yaml"
        names = []
        for config in configs:
            conf, switched = await page.switch(config["filename"])
            assert conf["conf_name"] == config["name"]
            assert switched["message"] == f"Switched to config: {config['filename']}"
            spoken = [
                message for message in await page.chat("Who are you?") if message["type"] == "audio"
            ]
            names.append(spoken[0]["display_text"]["name"])
    assert len(set(names)) == len(names) >= 4


@pytest.mark.parametrize(
    ("bad", "answer"),
    [
        ("null", "'NoneType' object has no attribute 'get'"),
        ('{"type": {"a": 1}}', "unhashable type: 'dict'"),
        ('{"type": []}', None),
        ("[" * 100_000, None),
        ('{"type": "mic-audio-data", "audio": ["loud"]}', "must be real number, not str"),
        (
            '{"type": "raw-audio-data", "audio": [0.5]}',
            "'NoneType' object has no attribute 'detect_speech'",
        ),
        ('{"type": "switch-config", "file": ""}', None),
    ],
)
async def test_a_bad_message_is_answered_once_or_ignored_and_the_page_stays(
    server: ChatServer, bad: str, answer: str | None
) -> None:
    async with server.page() as page:
        await page.websocket.send(bad)
        if answer is not None:
            assert await page.receive() == {"type": "error", "message": answer}
        await page.nothing_more()


@pytest.mark.parametrize("file", [7, ["conf.yaml"], "/etc/passwd", "a/../../b.yaml", "\ud800.yaml"])
async def test_a_switch_to_what_is_no_character_is_refused_twice(
    server: ChatServer, file: object
) -> None:
    async with server.page() as page:
        await page.send("switch-config", file=file)
        first, second = await page.receive(), await page.receive()
        assert first == {
            "type": "error",
            "message": f"Error switching configuration: {second['message']}",
        }
        await page.nothing_more()


async def test_a_message_of_many_mebibytes_is_taken(server: ChatServer) -> None:
    async with server.page() as page:
        assert (await page.chat("x" * 9_000_000))[-1]["text"] == "conversation-chain-end"


def test_http_answers_only_at_the_root(server: ChatServer) -> None:
    address = server.url.replace("ws://", "http://").removesuffix("client-ws")
    with urlopen(address) as answer:
        assert answer.status == 200
    with pytest.raises(HTTPError, match="404") as refused:
        urlopen(address + "elsewhere")
    refused.value.close()


async def test_a_websocket_elsewhere_is_refused(server: ChatServer) -> None:
    for path in ("", "/", "/tts-ws"):
        with pytest.raises(InvalidStatus, match="404"):
            async with connect(server.url.replace("/client-ws", path)):
                pass


async def test_it_starts_by_path_from_any_folder_with_a_folder_of_characters(
    tmp_path: Path,
) -> None:
    for name in ("conf.toml", "小猫.toml"):
        (tmp_path / name).write_bytes((CHARACTERS / "zh_mili.toml").read_bytes())
    by_path = (sys.executable, "-W", "error", str(ROOT / "harness" / "demo" / "chat_server"))
    with running(tmp_path, "--characters", str(tmp_path), command=by_path) as server:
        assert server.line.startswith("listening on ws://127.0.0.1:")
        async with server.page() as page:
            await page.switch("小猫.yaml")
            assert (await page.chat("你好"))[-1]["text"] == "conversation-chain-end"


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (
            ["--agent-size", "much"],
            "argument --agent-size: 'much' is not a size. "
            "Write for example 8MiB, 2GiB or plain bytes",
        ),
        (["--agent-size", "0"], "argument --agent-size: '0' is too small"),
        (["--port", "x"], "argument --port: invalid int value: 'x'"),
        (["--port", "70000"], "cannot listen on 127.0.0.1 port 70000"),
        (["--port", "{taken}"], "address already in use"),
        (
            ["--host", "192.0.2.1"],
            "cannot listen on 192.0.2.1",
        ),  # of nobody's machine, and no name to ask for
        (["--fault", "{folder}/absent.py"], "absent.py cannot be loaded"),
        (["--fault", "{folder}/broken.py"], "broken.py cannot be loaded"),
        (["--fault", "{folder}/empty.py"], "empty.py defines no install(hooks)"),
        (["--characters", "{folder}"], "holds no TOML file"),
        (["--characters", "{folder}/nameless"], "conf.toml has no 'conf_name'"),
        (["--characters", "{folder}/mute"], "conf.toml cannot be read: 'replies' must be"),
        (["--characters", "{folder}/garbled"], "conf.toml cannot be read: Unterminated"),
    ],
)
def test_a_wrong_command_line_ends_with_status_2_and_one_line(
    server: ChatServer, tmp_path: Path, options: list[str], complaint: str
) -> None:
    (tmp_path / "broken.py").write_text("def install(:")
    (tmp_path / "empty.py").write_text("")
    good = (CHARACTERS / "conf.toml").read_text()
    for folder, text in {
        "nameless": 'avatar = "mao.png"',
        "mute": "replies = []".join(
            (good[: good.index("replies =")], good[good.index("\n[model_info]") :])
        ),
        "garbled": '"',
    }.items():
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "conf.toml").write_text(text)
    taken = server.url.split(":")[2].split("/")[0]
    filled = [option.format(folder=tmp_path, taken=taken) for option in options]
    ended = subprocess.run(
        [*MODULE, *filled], cwd=ROOT, capture_output=True, text=True, timeout=240, check=False
    )
    assert ended.returncode == 2
    assert complaint in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert ended.stdout == ""
