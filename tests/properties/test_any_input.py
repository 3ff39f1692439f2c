"""What reads bytes of servers and disks: each input is read, or is one error that says whose fault
it is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up import SETTINGS

from harness.errors import ConfigInvalid, ProtocolViolation, RecordError
from harness.experiment.config import find_config
from harness.record.lines import decode_line, encode_line
from harness.sessions.contract import Receive
from harness.sessions.protocols import protocol_named, shipped
from harness.sessions.protocols.open_llm_vtuber import Character
from harness.verdict.stored_series import read_series

ROOT = Path(__file__).parents[2]
STORED = [
    line
    for run in sorted((ROOT / "tests" / "data" / "runs").glob("*.jsonl"))
    for line in run.read_bytes().splitlines()[:40]
]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
FRAMES = (
    st.text(max_size=60)
    | st.binary(max_size=60)
    | VALUES.map(json.dumps)
    | st.tuples(st.text("0123456/,-", max_size=6), VALUES.map(json.dumps)).map("".join)
)
TYPES = st.sampled_from(
    ["connection_ack", "next", "error", "complete", "ping", "full-text", "audio", "control"]
)
TYPED = st.fixed_dictionaries(
    {"type": TYPES, "id": VALUES, "payload": VALUES, "text": VALUES, "audio": VALUES}
).map(json.dumps)
ARGUMENTS: Mapping[str, Any] = {
    "samples": [0.0, 0.5],
    "character": Character("mao.yaml", "Mao"),
}
"""By the name of the parameter; all others are words."""


@pytest.mark.parametrize("name", shipped())
@given(frames=st.lists(FRAMES | TYPED, max_size=12), data=st.data())
@SETTINGS
def test_a_bad_answer_of_a_server_is_a_protocol_violation_and_nothing_else(
    name: str, frames: list[str | bytes], data: st.DataObject
) -> None:
    adapter: Any = protocol_named(name)()
    action = data.draw(st.sampled_from(["open", *sorted(adapter.actions)]))
    function = getattr(adapter, action)
    needed = [
        parameter.name
        for parameter in signature(function).parameters.values()
        if parameter.default is parameter.empty and parameter.kind != parameter.VAR_POSITIONAL
    ]
    with suppress(ProtocolViolation, StopIteration):
        exchange = function(*(ARGUMENTS.get(name, "hello") for name in needed))
        step = next(exchange)
        for frame in frames:
            while not isinstance(step, Receive):
                step = exchange.send(None)
            step = exchange.send(frame)


@given(st.sampled_from(STORED), st.integers(0, 5000), st.binary(max_size=3))
@SETTINGS
def test_a_damaged_line_of_a_record_is_an_error_of_the_record(
    line: bytes, place: int, bytes_there: bytes
) -> None:
    place %= len(line)
    with suppress(RecordError, ValueError):
        decode_line(line[:place] + bytes_there + line[place + 1 :])


@given(st.sampled_from(STORED))
@SETTINGS
def test_a_line_of_a_record_is_written_as_it_was_read(line: bytes) -> None:
    read = decode_line(line)
    assert decode_line(encode_line(read)) == read


@given(st.text(max_size=200) | VALUES.map(str))
@SETTINGS
def test_a_settings_file_is_read_or_is_one_error(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    folder = tmp_path_factory.mktemp("settings")
    for name, content in (
        ("leak-harness.toml", text),
        ("pyproject.toml", f"{text}\n[tool.leak-harness]\ncycles = 3\n"),
    ):
        file = folder / name
        file.write_text(content, encoding="utf-8", errors="surrogatepass")
        with suppress(ConfigInvalid):
            find_config(folder)
        file.unlink()


@given(st.text("0123456789.,-+e\n\"' naif", max_size=200))
@SETTINGS
def test_a_table_is_a_series_or_is_an_error_of_the_record(rows: str) -> None:
    with suppress(RecordError):
        read_series(f"cycle,rss,uss\n{rows}")


def test_a_header_with_a_carriage_return_in_it_is_an_error_of_the_record() -> None:
    with pytest.raises(RecordError):
        read_series("cycle,rss,x\0\ry\n0,1\n")
