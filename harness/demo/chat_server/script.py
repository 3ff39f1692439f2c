"""What a character says to a text: its scripted replies, or what directives in the text ask for.

Directives let a client choose the reply: `[[tokens=24 delay=0.03 say=(joy)_Hello_there.]]` is the
sentence "[joy] Hello there." and 24 tokens after it, 30 ms a token; `[[model=down speech=down]]`
takes the back ends away.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import cycle, islice
from typing import Final

from .characters import Backends, Character

TOKEN_DELAY_S: Final = 0.001
SENTENCE_TOKENS: Final = 8
"""Tokens in each sentence of a reply whose length was asked for."""
TOKENS_LIMIT: Final = 10_000
MODEL_DOWN: Final = (
    "Error calling the chat endpoint: Connection error.",
    "The language model cannot be reached.",
    "Is its service running, and is its address right?",
    "The log of the server has the details.",
    "Until it is back this is all that I can say.",
)

_DIRECTIVES = re.compile(r"\[\[(.*?)\]\]")
_TOKEN = re.compile(r"[\u4e00-\u9fff][^\w\s]*|[^\s\u4e00-\u9fff]+")
_SENTENCE = re.compile(r"[^.!?。！？]*[.!?。！？]|[^.!?。！？]+$")
_SIGNS = ".,!?;:。，！？；："


@dataclass(frozen=True, slots=True)
class Script:
    """One reply, before it is spoken."""

    sentences: tuple[str, ...]
    delay_s: float
    """What the model takes for a token."""
    backends: Backends


def tokens_of(sentence: str) -> list[str]:
    """The tokens that a model would send: words or single Chinese characters, each with the signs
    that follow it.
    """
    return _TOKEN.findall(sentence)


def script_for(character: Character, text: str, turn: int) -> Script:
    """The reply of `character` to `text` in its `turn`-th turn."""
    directives = dict(_directives(text))
    backends = replace(
        character.backends,
        model=directives.get("model", character.backends.model),
        speech=directives.get("speech", character.backends.speech),
    )
    sentences = character.replies[turn % len(character.replies)]
    if backends.model == "down":
        sentences = MODEL_DOWN
    elif "tokens" in directives or "say" in directives:
        wanted = min(int(_number(directives.get("tokens"), 0)), TOKENS_LIMIT)
        sentences = (*_said(directives.get("say", "")), *_spoken(character, wanted, turn))
    return Script(sentences, _number(directives.get("delay"), TOKEN_DELAY_S), backends)


def _directives(text: str) -> Iterator[tuple[str, str]]:
    for group in _DIRECTIVES.findall(text):
        for item in group.split():
            key, equals, value = item.partition("=")
            if equals:
                yield key, value


def _number(text: str | None, default: float) -> float:
    return float(text) if text and re.fullmatch(r"\d{1,6}(\.\d{1,6})?", text) else default


def _said(directive: str) -> Iterator[str]:
    words = re.sub(r"\((\w+)\)", r"[\1]", directive).replace("_", " ")
    return (sentence.strip() for sentence in _SENTENCE.findall(words))


def _spoken(character: Character, tokens: int, turn: int) -> Iterator[str]:
    """Tokens of the character's own replies, in sentences of equal length. Each turn begins at
    another place.
    """
    known = [
        token.strip(_SIGNS)
        for reply in character.replies
        for line in reply
        for token in tokens_of(line)
    ]
    start = turn * SENTENCE_TOKENS % len(known)
    chosen = list(islice(cycle(known), start, start + tokens))
    space, stop = ("", "。") if known[0] > "\u4e00" else (" ", ".")
    for first in range(0, tokens, SENTENCE_TOKENS):
        sentence = space.join(chosen[first : first + SENTENCE_TOKENS]) + stop
        yield sentence[0].upper() + sentence[1:]
