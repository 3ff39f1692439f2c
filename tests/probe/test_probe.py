"""The probe itself, in real Python processes, asked over its own socket without our end of the
link.
"""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from importlib.machinery import PathFinder
from pathlib import Path

import pytest
from probed_process import (
    HAS_MALLINFO2,
    PUPPET,
    VERSIONS,
    Launch,
    Launched,
    Peer,
    interpreter,
    until,
)

from harness.probe import wire
from harness.record.metrics import METRICS, Source
from harness.target.probe_peers import INJECTED


def test_it_greets_with_who_it_is_and_what_it_can_read(puppet: Launched) -> None:
    greeting = puppet.peer().greeting
    assert greeting["wire"] == wire.WIRE_VERSION
    assert greeting["pid"] == puppet.process.pid
    assert greeting["python"] == ".".join(map(str, sys.version_info[:3]))
    assert greeting["implementation"] == "cpython"
    assert greeting["argv"] == ["-c"]


@pytest.mark.skipif(not HAS_MALLINFO2, reason="this libc has no mallinfo2")
def test_its_gauges_are_the_metrics_that_a_probe_reads(puppet: Launched) -> None:
    wanted = {metric.name for metric in METRICS.values() if metric.source is Source.PROBE}
    peer = puppet.peer()
    assert set(peer.greeting["gauges"]) == wanted
    assert set(peer.gauges()) == wanted
    assert set(peer.ask("gauges")) == wanted


def test_nothing_of_the_harness_is_imported_or_importable_in_the_server(puppet: Launched) -> None:
    puppet.peer().gauges()
    assert puppet.do("[name for name in sys.modules if name.startswith('harness')]") == []
    assert puppet.do("'_leak_harness_probe.gauges' in sys.modules") is True
    added = set(puppet.do("sys.path")) - set(sys.path) - {""}
    assert added == {str(INJECTED)}
    assert PathFinder.find_spec("harness", [str(INJECTED)]) is None


def test_the_sitecustomize_that_it_hides_still_runs_under_its_own_name(
    launch: Launch, tmp_path: Path
) -> None:
    hidden = tmp_path / "site" / "sitecustomize.py"
    hidden.parent.mkdir()
    hidden.write_text("import builtins; builtins.hidden_ran = __name__")
    puppet = launch("-c", PUPPET, path=hidden.parent)
    assert puppet.do("hidden_ran, sys.modules['sitecustomize'].__file__") == (
        "sitecustomize",
        str(hidden),
    )
    assert puppet.peer().greeting["pid"] == puppet.process.pid


def test_without_the_environment_variable_it_does_nothing(tmp_path: Path) -> None:
    environment = {
        key: value for key, value in os.environ.items() if key != wire.ENVIRONMENT_VARIABLE
    }
    output = subprocess.check_output(
        [
            sys.executable,
            "-c",
            "import sys; print([name for name in sys.modules if 'probe' in name])",
        ],
        env={**environment, "PYTHONPATH": str(INJECTED)},
        cwd=tmp_path,
        text=True,
    )
    assert output == "[]\n"


def test_a_probe_that_cannot_listen_leaves_the_server_alone_and_says_why(
    launch: Launch, folder: Path
) -> None:
    deep = folder / ("deep" * 20) / ("deeper" * 10)
    deep.mkdir(parents=True)
    puppet = launch("-c", PUPPET, probe=deep)
    assert puppet.do("1 + 1") == 2
    assert "path too long" in (deep / f"{puppet.process.pid}.error").read_text()


def test_a_folder_that_is_gone_leaves_the_server_alone(launch: Launch, tmp_path: Path) -> None:
    puppet = launch("-c", PUPPET, probe=tmp_path / "gone")
    assert puppet.do("1 + 1") == 2
    out, err = puppet.process.communicate()
    assert (out, err) == ("", "")


def test_an_older_python_runs_undisturbed_and_says_that_it_is_too_old(launch: Launch) -> None:
    puppet = launch("-c", PUPPET, python=interpreter("3.8"))
    assert puppet.do("sys.version_info[:2]") == (3, 8)
    assert "the probe needs Python 3.9 or later, this is 3.8." in puppet.errors()


def test_its_thread_is_not_among_the_threads_that_the_server_sees(puppet: Launched) -> None:
    peer = puppet.peer()
    assert puppet.do("len(threading.enumerate())") == 1
    assert peer.gauges()["python_threads"] == 1
    puppet.do("leave = threading.Event(); threading.Thread(target=leave.wait, daemon=True).start()")
    assert peer.gauges()["python_threads"] == 2


def test_its_thread_is_not_counted_when_a_finalizer_has_made_it_known(puppet: Launched) -> None:
    puppet.do(
        "exec('class Cycle:\\n def __del__(self): ran_in.append(threading.current_thread().name)')"
    )
    puppet.do("gc.disable(); ran_in = []; one = Cycle(); one.me = one; del one")
    peer = puppet.peer()
    peer.ask("collect")
    assert puppet.do("ran_in") != ["MainThread"]
    assert puppet.do("len(threading.enumerate())") == 2
    assert peer.gauges()["python_threads"] == 1


@pytest.mark.parametrize(
    "bytes_sent",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\xff\xff\xff\xff",
        b"\x00\x00\x00\x03{{{",
        b"\x00\x00\xff\xff" + b"[" * 65535,
    ],
    ids=["another protocol", "a giant length", "no JSON", "nested too deep"],
)
def test_bad_bytes_close_the_connection_and_harm_nobody_else(
    puppet: Launched, bytes_sent: bytes
) -> None:
    friend, foe = puppet.peer(), puppet.peer()
    foe.socket.sendall(bytes_sent)
    assert foe.is_closed()
    assert friend.gauges()["python_threads"] == 1
    assert puppet.peer().gauges()["python_threads"] == 1
    assert puppet.errors() == ""


def test_silent_and_half_spoken_peers_keep_nobody_waiting(puppet: Launched) -> None:
    for _ in range(4):
        puppet.peer()
        puppet.peer().socket.sendall(b"\x00\x00")
    assert puppet.peer().gauges()["python_threads"] == 1


def test_more_peers_than_it_takes_are_turned_away(puppet: Launched) -> None:
    friend = puppet.peer()
    while True:
        try:
            puppet.peer()
        except (EOFError, ConnectionResetError):
            break
        assert len(puppet.peers) < 100
    assert friend.gauges()["python_threads"] == 1


def test_peers_that_leave_make_room_for_others(puppet: Launched) -> None:
    def is_taken() -> bool:
        try:
            Peer(puppet.folder / f"{puppet.process.pid}.sock").socket.close()
        except (EOFError, ConnectionError):  # those before have not been seen to leave
            return False
        return True

    for _ in range(40):
        until(is_taken)
    assert until(lambda: puppet.do("len(os.listdir('/proc/self/fd'))") < 10)
    assert puppet.peer().gauges()["python_threads"] == 1


def test_what_it_does_not_know_or_cannot_do_is_answered(puppet: Launched) -> None:
    peer = puppet.peer()
    for request in ({"request": "dance"}, {"request": ["sample"]}, {}):
        peer.socket.sendall(wire.pack(request, wire.MAX_REQUEST_BYTES))
        assert "unknown request" in peer.receive()["error"]
    assert peer.gauges()["python_threads"] == 1


def test_a_planted_leak_stays_and_has_the_size_that_was_asked_for(puppet: Launched) -> None:
    peer = puppet.peer()
    for _ in range(3):
        before = peer.gauges()["malloc_in_use"]
    assert peer.ask("plant", bytes=2048, count=100) == 100
    assert peer.gauges()["malloc_in_use"] - before == pytest.approx(100 * 2048, rel=0.1)
    with pytest.raises(KeyError):
        peer.ask("plant", bytes=2**30, count=1)


@pytest.mark.parametrize("version", VERSIONS)
def test_it_works_on_each_cpython(launch: Launch, version: str) -> None:
    server = launch("-c", PUPPET, "loop", python=interpreter(version))
    server.do("None")
    peer = server.peer()
    assert peer.greeting["python"].startswith(f"{version}.")
    readings = [peer.ask("sample", collect=True) for _ in range(8)][2:]
    assert all(reading["collection"]["loop_answered"] for reading in readings)
    gauges = [reading["gauges"] for reading in readings]
    assert {one["tasks"] for one in gauges} == {1}
    assert {one["python_threads"] for one in gauges} == {2}
    assert max(one["blocks"] for one in gauges) - min(one["blocks"] for one in gauges) <= 8
    server.do(
        "keep = [asyncio.run_coroutine_threadsafe(asyncio.sleep(3600), loop) for _ in range(5)]"
    )
    until(lambda: peer.gauges()["tasks"] == 6)
    server.do("gc.freeze()")
    assert peer.ask("sample", collect=True)["collection"]["loop_answered"]
    assert peer.gauges()["tasks"] == 6
    child = server.do("(lambda pid: pid or __import__('signal').pause())(os.fork())")
    try:
        assert server.peer(child).greeting["pid"] == child
    finally:
        os.kill(child, 9)
    assert server.errors() == ""


def test_the_wire_takes_back_what_it_packs() -> None:
    message = {"request": "sample", "text": "naïve \ud800 😀"}
    packed = wire.pack(message, wire.MAX_REQUEST_BYTES)
    header, body = packed[: wire.HEADER_BYTES], packed[wire.HEADER_BYTES :]
    assert wire.body_bytes(header, wire.MAX_REQUEST_BYTES) == len(body)
    assert wire.unpack(body) == message


def test_the_wire_packs_nothing_longer_than_the_other_end_takes() -> None:
    with pytest.raises(wire.BadMessage, match="at most 10 are allowed"):
        wire.pack({"text": "x" * 11}, 10)
    with pytest.raises(wire.BadMessage, match="a message of 11 bytes is announced"):
        wire.body_bytes(struct.pack("!I", 11), 10)


def test_a_message_is_an_object() -> None:
    with pytest.raises(wire.BadMessage, match="no JSON object"):
        wire.unpack(json.dumps([1]).encode())
