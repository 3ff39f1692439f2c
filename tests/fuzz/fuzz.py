"""Coverage-guided fuzzing of all that reads bytes from servers, probes, logs and disks.

`python tests/fuzz/fuzz.py TARGET -max_total_time=600`. All other words are options of libFuzzer,
and folders of inputs to begin with. An input is read, or is one error that the harness can explain.
All else is a crash. `make fuzz` does all targets.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import atheris

with atheris.instrument_imports(include=["harness", "prometheus_client"]):
    from harness.errors import HarnessError
    from harness.experiment.config import find_config
    from harness.probe import wire
    from harness.record.lines import decode_line, encode_line
    from harness.record.record import RunRecord
    from harness.redaction import printable
    from harness.reporters.escaping import log_lines, markdown, workflow_message
    from harness.sessions.contract import Receive
    from harness.sessions.protocols import protocol_named, shipped
    from harness.target.log_watch import LogWatch
    from harness.target.probe_answers import CauseAnswer, CensusAnswer, GarbageAnswer
    from harness.target.probe_peer import checked_answer
    from harness.target.remote import Page
    from harness.verdict.judge import judge
    from harness.verdict.stored_series import read_series

FOLDER = Path(tempfile.mkdtemp(prefix="fuzz-"))
PAGE = Page("http://127.0.0.1/metrics")
SEPARATOR = b"\xff\x00"


def text_of(data: bytes) -> str:
    return data.decode(errors="surrogateescape")


def record(data: bytes) -> None:
    """A stored run: each line is decoded, and all of them are judged."""
    lines = [decode_line(line) for line in data.splitlines()]
    for line in lines:
        encode_line(line)
    if lines:
        judge(RunRecord.from_lines(lines))


def series(data: bytes) -> None:
    read_series(text_of(data))


def settings(data: bytes) -> None:
    (FOLDER / "leak-harness.toml").write_bytes(data)
    find_config(FOLDER)


def frames(data: bytes) -> None:
    """Answers of a server to each protocol: the first byte says which, and to which action."""
    names = list(shipped())
    adapter: Any = protocol_named(names[data[0] % len(names)])()
    actions = ["open", *(name for name in ("chat", "heartbeat") if name in adapter.actions)]
    action = actions[data[1] % len(actions)] if len(data) > 1 else "open"
    exchange = getattr(adapter, action)(*(["hello"] if action == "chat" else []))
    with suppress(StopIteration):
        step = next(exchange)
        for number, frame in enumerate(data[2:].split(SEPARATOR)):
            while not isinstance(step, Receive):
                step = exchange.send(None)
            step = exchange.send(frame if number % 2 else frame.decode(errors="replace"))


def log(data: bytes) -> None:
    """A log that grows piece by piece."""
    path = FOLDER / "server.log"
    path.unlink(missing_ok=True)
    watch = LogWatch(path, expected=["error", "done"], forbidden=["x.y"])
    for piece in data.split(SEPARATOR):
        with path.open("ab") as file:
            file.write(piece)
        watch.counts(0.0, 1, is_failing=True)


def page(data: bytes) -> None:
    PAGE.values_in(text_of(data))


def probe(data: bytes) -> None:
    """An answer of a probe, as each of the answers that could have been asked for."""
    with suppress(wire.BadMessage):
        wire.body_bytes(data[:4].ljust(4, b"\0"), 1 << 20)
        message = wire.unpack(data[4:])
        for wanted in (wire.Sample, CensusAnswer, dict[str, CauseAnswer], GarbageAnswer):
            with suppress(HarnessError):
                checked_answer(1, message, wanted)


def words(data: bytes) -> None:
    """Words of a server, in each way in which they leave."""
    text = printable(text_of(data))
    for way in (markdown, workflow_message, log_lines, str):
        shown = way(text)
        assert all(sign >= " " or sign in "\t\n" for sign in shown)
        assert "\x7f" not in shown
    assert not any(one == ":" == two for one, two in pairwise(log_lines(text).lstrip()[:2]))


TARGETS: dict[str, Callable[[bytes], None]] = {
    function.__name__: function
    for function in (record, series, settings, frames, log, page, probe, words)
}


def tried(data: bytes, target: Callable[[bytes], None]) -> None:
    with suppress(HarnessError):
        if data:
            target(data)


if __name__ == "__main__":
    name = sys.argv.pop(1)
    atheris.Setup(sys.argv, lambda data: tried(data, TARGETS[name]))
    atheris.Fuzz()
