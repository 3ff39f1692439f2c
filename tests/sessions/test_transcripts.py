"""Recorded sessions replayed against our end: it must say what the recorded client said, and
understand the answers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from harness.errors import ProtocolViolation
from harness.sessions.contract import Exchange, Receive, Send
from harness.sessions.protocols.open_llm_vtuber import Adapter, Character

TRANSCRIPTS = sorted((Path(__file__).parents[1] / "data" / "transcripts").glob("*.jsonl"))
ANSWERS = {
    "fetch-configs": "config-files",
    "fetch-backgrounds": "background-files",
    "request-init-config": "set-model-and-conf",
    "request-group-info": "group-update",
    "create-new-history": "new-history-created",
    "fetch-history-list": "history-list",
    "fetch-and-set-history": "history-data",
    "delete-history": "history-deleted",
}
Line = dict[str, Any]


def exchange_for(adapter: Any, message: Line) -> Exchange[Any] | None:
    """The action that begins with what the recorded client sent; None where there is none."""
    actions: dict[str, Callable[[], Exchange[Any]]] = {
        "text-input": lambda: adapter.chat(message.get("text", "")),
        "mic-audio-end": lambda: adapter.speak([]),
        "ai-speak-signal": adapter.ai_speak,
        "switch-config": lambda: adapter.switch_character(Character(message.get("file", ""), "")),
        "heartbeat": adapter.heartbeat,
    }
    kind = str(message["type"])
    if kind in ANSWERS:
        return adapter.ask(kind, ANSWERS[kind])  # type: ignore[no-any-return]
    make = actions.get(kind)
    return make() if make else None


def messages(path: Path) -> list[tuple[str, Any]]:
    """Direction and data of each message, without the note and what is no message."""
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()[1:]]
    return [(line["dir"], line["data"]) for line in lines if line["dir"] in ("send", "recv")]


def replay(lines: list[tuple[str, Any]], adapter: Any) -> tuple[list[str], list[str]]:
    """Types of what the recorded client said, and of what ours says to the same answers, action
    by action.
    """
    theirs, ours = list[str](), list[str]()
    at = 0
    while at < len(lines):
        direction, data = lines[at]
        at += 1
        if direction == "recv" or not isinstance(data, dict):
            continue
        exchange = exchange_for(adapter, data)
        if exchange is None:
            continue
        until = next((n for n in range(at, len(lines)) if _begins(lines[n], adapter)), len(lines))
        part = lines[at:until]
        theirs += [
            data["type"],
            *(said["type"] for way, said in part if way == "send" and isinstance(said, dict)),
        ]
        ours += list(_said(exchange, [json.dumps(said) for way, said in part if way == "recv"]))
        at = until
    return theirs, ours


def _begins(line: tuple[str, Any], adapter: Any) -> bool:
    direction, data = line
    return (
        direction == "send" and isinstance(data, dict) and exchange_for(adapter, data) is not None
    )


def _said(exchange: Exchange[Any], answers: list[str]) -> Iterator[str]:
    answer: str | None = None
    while True:
        try:
            step = exchange.send(answer)
        except StopIteration:
            return
        except ProtocolViolation:
            assert json.loads(str(answer))["type"] == "error"
            return
        answer = None
        if isinstance(step, Send):
            yield json.loads(step.data)["type"]
        elif isinstance(step, Receive):
            if not answers:  # what followed was another action: a turn that was left
                return
            answer = answers.pop(0)


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_our_end_says_what_the_recorded_client_said(path: Path) -> None:
    adapter = Adapter()
    adapter.playback = path.stem not in ("no_playback_answer", "unknown_type")
    lines = messages(path)
    theirs, ours = replay(lines, adapter)
    beside = {"mic-audio-data", "interrupt-signal"}  # said beside the actions that are replayed
    if not adapter.playback:
        beside.add("frontend-playback-complete")
    assert ours, "nothing was replayed"
    assert once_each(ours, beside) == once_each(theirs, beside)


def once_each(kinds: list[str], without: set[str]) -> list[str]:
    """Neighbours that are alike count once: the recorded client answered both of the server's
    questions.
    """
    return [kind for kind, _ in groupby(kind for kind in kinds if kind not in without)]


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_our_end_understands_every_greeting(path: Path) -> None:
    opened = Adapter().open()
    greeting = [json.dumps(data) for direction, data in messages(path) if direction == "recv"][:5]
    assert list(_said(opened, greeting)) == ["fetch-configs"]
