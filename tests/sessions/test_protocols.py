"""Chat protocols: exchanges without a connection."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness.errors import ProtocolViolation, ScenarioInvalid, UnknownProtocol
from harness.sessions.contract import Data, Exchange, Mark, Receive, Send, Stage
from harness.sessions.protocols import protocol_named
from harness.sessions.protocols.open_llm_vtuber import Adapter, Character
from harness.sessions.scenario import load_scenario, shipped_folder


def follow(exchange: Exchange[Any], *answers: Data) -> tuple[Any, list[Any], list[Stage]]:
    """The exchange's result, what it sent, and the stages it marked."""
    left, sent, stages = list(answers), list[Any](), list[Stage]()
    answer: Data | None = None
    while True:
        try:
            step = exchange.send(answer)
        except StopIteration as done:
            return done.value, sent, stages
        answer = None
        match step:
            case Send():
                sent.append(json.loads(step.data))
            case Receive():
                answer = left.pop(0)
            case Mark():
                stages.append(step.stage)


def words(**message: Any) -> str:
    return json.dumps(message)


AUDIO = words(type="audio", audio="AAAA", display_text={"text": "Hello."})
SILENT = words(type="audio", audio=None, display_text={"text": "*waves*"})
END = words(type="control", text="conversation-chain-end")


def test_a_turn_ends_with_the_chain_and_gathers_its_sentences() -> None:
    reply, sent, stages = follow(
        Adapter().chat("hi"),
        words(type="full-text", text="Thinking..."),
        SILENT,
        AUDIO,
        END,
    )
    assert (reply.text, reply.messages, reply.audio_bytes) == ("*waves* Hello.", 4, 3)
    assert sent == [{"type": "text-input", "text": "hi"}]
    assert stages == [Stage.FIRST_TEXT, Stage.FIRST_TEXT, Stage.FIRST_AUDIO]


def test_the_greeting_ends_with_the_microphone_and_asks_for_the_characters() -> None:
    files = words(type="config-files", configs=[{"filename": "a.yaml", "name": "A"}])
    greeted = words(type="set-model-and-conf", client_uid="u1")
    greeting, sent, _ = follow(
        Adapter().open(),
        greeted,
        words(type="control", text="start-mic"),
        files,
    )
    assert (greeting.characters, greeting.client_id) == ((Character("a.yaml", "A"),), "u1")
    assert sent == [{"type": "fetch-configs"}]


UPDATE = words(type="group-update", members=["me", "you"])
RESULT = words(type="group-operation-result", success=True, message="")


@pytest.mark.parametrize(
    "answers", [(UPDATE,), (RESULT,), (words(type="group-update", members=["me"]), UPDATE)]
)
def test_an_invitation_is_over_when_either_end_is_told_so(answers: tuple[str, ...]) -> None:
    sent = follow(Adapter().invite("you"), *answers)[1]
    assert sent == [{"type": "add-client-to-group", "invitee_uid": "you"}]


def test_a_member_is_removed_from_a_talk_that_ends_in_an_error_and_a_refusal_is_told() -> None:
    adapter = Adapter()
    follow(
        adapter.remove("you"),
        words(type="error", message="Error in conversation: "),
        UPDATE,
        RESULT,
    )
    with pytest.raises(ProtocolViolation, match="stays as it is: not yours"):
        follow(
            adapter.remove("you"),
            words(type="group-operation-result", success=False, message="not yours"),
        )


@pytest.mark.parametrize(
    ("nonsense", "says"),
    [
        ("no json", "that is not JSON"),
        ("[1]", "not an object"),
        (words(type="error", message="no such file"), "no such file"),
    ],
)
def test_nonsense_is_a_violation_that_shows_it(nonsense: str, says: str) -> None:
    with pytest.raises(ProtocolViolation, match=says):
        follow(Adapter().switch_character(Character("a", "A")), nonsense)


@pytest.mark.parametrize(
    ("until", "answers", "answer"),
    [(None, ["a"], "a"), ("b", ["a", b"ab"], b"ab"), (lambda data: data == "c", ["a", "c"], "c")],
)
def test_a_plain_request_waits_for_the_answer_that_it_wants(
    until: Any, answers: list[Data], answer: Data
) -> None:
    adapter: Any = protocol_named("plain")()
    assert follow(adapter.request({"n": 1}, until), *answers)[:2] == (answer, [{"n": 1}])


def test_an_unknown_protocol_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UnknownProtocol, match="open-llm-vtuber, plain"):
        protocol_named("morse")


@pytest.mark.parametrize(
    "name", [path.stem.replace("_", "-") for path in shipped_folder().glob("*switch*.py")]
)
def test_a_scenario_is_refused_where_the_protocol_lacks_its_actions(name: str) -> None:
    with pytest.raises(
        ScenarioInvalid, match="uses switch_character, which protocol 'plain' does not have"
    ):
        load_scenario(name).require(protocol_named("plain"))
