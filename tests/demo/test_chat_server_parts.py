"""Parts of the chat server without a socket: directives, speech, agents, ticks."""

from __future__ import annotations

import asyncio
import time
from array import array
from pathlib import Path

import pytest

from harness.demo.chat_server.agent import WARM_S, Agent, stream
from harness.demo.chat_server.characters import Character, load_cast
from harness.demo.chat_server.context import ServiceContext, Services
from harness.demo.chat_server.messages import CHAIN_END, SYNTH_COMPLETE, Message
from harness.demo.chat_server.script import Script, script_for
from harness.demo.chat_server.speech import Recogniser, Synthesiser, pronounceable
from harness.demo.chat_server.ticks import TICK_S, Lateness, next_tick, until_tick_s
from harness.demo.chat_server.turn import Turn

CAST = load_cast(Path(__file__).parents[2] / "harness" / "demo" / "chat_server" / "characters")


@pytest.fixture(params=CAST.characters, ids=lambda character: character.file)
def character(request: pytest.FixtureRequest) -> Character:
    character: Character = request.param
    return character


def sentences(text: str, character: Character = CAST.first) -> tuple[str, ...]:
    return script_for(character, text, 0).sentences


def test_without_directives_the_replies_follow_one_another_in_a_circle(
    character: Character,
) -> None:
    count = len(character.replies)
    scripts = [script_for(character, "Hi.", turn).sentences for turn in range(count + 1)]
    assert scripts == [*character.replies, character.replies[0]]


def test_tokens_asked_for_come_in_sentences_of_eight(character: Character) -> None:
    script = script_for(character, "Hi. [[tokens=20]]", 5)
    assert len(script.sentences) == 3
    assert all(sentence[-1] in ".。" for sentence in script.sentences)


def test_words_asked_for_are_said_first_and_a_key_in_brackets_is_an_emotion() -> None:
    said = sentences("[[tokens=8 delay=0.5 say=(joy)_Hello_there._Again]]")
    assert said[:2] == ("[joy] Hello there.", "Again")
    assert len(said) == 3


def test_a_reply_of_no_tokens_is_empty_and_one_of_signs_has_nothing_to_pronounce() -> None:
    assert sentences("[[tokens=0]]") == ()
    assert sentences("[[tokens=0 say=...]]") == (".", ".", ".")
    assert not pronounceable("[joy] ...")


@pytest.mark.parametrize(
    "nonsense", ["[[tokens=-1]]", "[[tokens=many delay=nan]]", "[[=]]", "[[]]", "[[tokens]]"]
)
def test_directives_that_make_no_sense_are_no_error(nonsense: str) -> None:
    assert script_for(CAST.first, nonsense, 0).delay_s == script_for(CAST.first, "", 0).delay_s


def test_a_model_that_is_down_says_so_in_sentences() -> None:
    script = script_for(CAST.first, "Anyone? [[model=down]]", 0)
    assert "Connection error" in script.sentences[0]
    assert script.backends.retry_s == 2.5


async def test_a_reply_streams_sentence_by_sentence_with_its_tokens() -> None:
    script = Script(("One two.", "三四。"), 0.0, CAST.first.backends)
    assert [pair async for pair in stream(script)] == [
        ("One two.", ["One", "two."]),
        ("三四。", ["三", "四。"]),
    ]


def test_a_word_takes_fifty_milliseconds_to_say_and_sounds_the_same_each_time() -> None:
    synthesiser = Synthesiser()
    speech = synthesiser.synthesise(["quick", "fox"])
    assert len(speech.volumes) == 5
    assert speech == synthesiser.synthesise(["quick", "fox"])
    assert speech != synthesiser.synthesise(["slow", "fox"])


def test_a_recording_is_words_and_silence_is_none() -> None:
    assert Recogniser().transcribe(array("f", [0.3] * 512)) == "hello from the microphone"
    assert Recogniser().transcribe(array("f", [0.0] * 512)) == ""
    assert Recogniser().transcribe(array("f")) == ""


async def test_an_agent_holds_what_it_was_asked_to_and_reads_it_to_stay_warm() -> None:
    agent = await Agent.build(CAST.first, 1_000_001)
    assert agent.size_bytes == 1_000_001
    begin_s = time.thread_time()
    agent.keep_warm()
    assert time.thread_time() - begin_s >= WARM_S


async def test_the_making_of_an_agent_leaves_the_loop_to_others_and_can_be_cancelled() -> None:
    making = asyncio.create_task(Agent.build(CAST.first, 64 * 2**20))
    for _ in range(32):
        await asyncio.sleep(0)
    assert not making.done()
    making.cancel()
    with pytest.raises(asyncio.CancelledError):
        await making


def test_ticks_fall_on_multiples_and_never_now() -> None:
    assert until_tick_s(10.0) == TICK_S
    assert until_tick_s(10.2) == pytest.approx(0.05)


async def test_speech_is_held_back_for_as_long_as_woken_tasks_keep_the_loop() -> None:
    async def work() -> None:
        while True:
            await next_tick()
            end_s = time.perf_counter() + 0.01
            while time.perf_counter() < end_s:
                pass

    lateness = Lateness()
    assert lateness.hold_s == 0.0
    lateness.start()
    tasks = [asyncio.create_task(work()) for _ in range(4)]
    async with asyncio.timeout(60):
        while lateness.hold_s < 0.035:
            await next_tick()
    lateness.stop()
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def test_a_turn_that_waits_for_playback_ends_when_a_newer_one_takes_its_place() -> None:
    sent: list[Message] = []
    complete = asyncio.Event()

    async def send(message: Message) -> None:
        sent.append(message)
        if sent.count(SYNTH_COMPLETE) == 2:
            complete.set()

    services = Services(CAST, agent_size_bytes=4096)
    context = ServiceContext("a page", services)
    await context.load(CAST.first)
    turn = Turn(context, services, send, lambda *_: None)
    running = asyncio.create_task(turn.run("Hi. [[tokens=8]]"))
    async with asyncio.timeout(60):
        await complete.wait()
        turn.lose()
        assert await running is False
    assert CHAIN_END not in sent
    await context.close()
