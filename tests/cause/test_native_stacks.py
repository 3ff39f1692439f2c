"""Native stacks of what is not freed: from frames written by hand, and from memray in a real
process.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest
from probed_process import Launched

from harness.cause.native_stacks import Frame, Kept, cause, cause_of, unaccounted
from harness.verdict.what_grows import Growth

HEAP = Growth("native", "[heap]", 16_000.0, "native:[heap]")
STACK = (
    ("__GI___strdup", "./string/strdup.c", 42),
    ("<unknown>", "<unknown>", 0),
    ("ffi_call", "<unknown>", 0),
    ("_ctypes_callproc", "/build/Modules/_ctypes/callproc.c", 1262),
    ("copy", "/usr/lib/python3.11/site-packages/speech/voice.py", 7),
    ("speak", "/srv/app/room.py", 12),
    ("run", "/usr/lib/python3.11/asyncio/runners.py", 118),
    ("main", "/srv/app/main.py", 3),
)
BUFFERS = """
import ctypes

libc = ctypes.CDLL(None)
libc.strdup.restype = ctypes.c_void_p

def keep(number):
    for _ in range(number):
        libc.strdup(b"x" * 16_383)
"""


def test_the_stack_that_keeps_most_is_told_from_the_applications_line_down() -> None:
    found = cause([Kept(64_000, 1, ()), Kept(48_000, 3, STACK)], sessions=3)
    assert found is not None
    assert (found.made_at, found.made_in, found.made_by) == (
        "/srv/app/room.py:12",
        "speak",
        "application",
    )
    assert found.chain == ("speak (/srv/app/room.py:12)", "ffi_call", "strdup")
    assert (found.bytes, found.state) == (16_000, "allocated by strdup ← ffi_call, and not freed")


def test_what_is_kept_once_or_hardly_is_no_cause() -> None:
    assert cause([Kept(10**6, 2, STACK), Kept(900, 3, STACK)], sessions=3) is None


def test_only_what_no_object_of_python_accounts_for_is_looked_into() -> None:
    assert (
        unaccounted([HEAP, Growth("object", "builtins.dict", 2.0, "object:builtins.dict")]) == HEAP
    )
    assert unaccounted([HEAP, Growth("object", "room.Room", 1.0, "object:room.Room")]) is None
    assert unaccounted([]) is None


def test_without_memray_the_result_says_what_to_install() -> None:
    assert "pip install memray" in cause_of([], sessions=0).state


@pytest.mark.skipif(
    find_spec("memray") is None, reason="memray is not installed: pip install memray"
)
def test_memray_names_the_line_that_calls_the_c_function_that_allocates(
    looping: Launched, tmp_path: Path
) -> None:
    (tmp_path / "buffers.py").write_text(BUFFERS)
    looping.do("sys.path.insert(0, '')")
    looping.do("import buffers")
    peer = looping.peer()
    assert peer.ask("native", on=True)["problem"] == ""
    looping.do("buffers.keep(5)")
    found = cause_of([Path(peer.ask("native", on=False)["path"])], sessions=5)
    file, _, line = found.made_at.rpartition(":")
    assert file.endswith("buffers.py")
    assert "libc.strdup(" in BUFFERS.splitlines()[int(line) - 1]
    assert (found.made_in, found.bytes // 1000) == ("keep", 16)
    assert "strdup" in found.state
    assert looping.do("buffers.keep(1)") is None


def test_where_memray_cannot_fit_native_frames_to_those_of_python_the_latter_stand_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    memray = pytest.importorskip("memray")

    class Record:
        size, n_allocations = 48_000, 3

        def hybrid_stack_trace(self) -> list[Frame]:
            raise AssertionError

        def stack_trace(self) -> list[Frame]:
            return [("speak", "/srv/app/room.py", 12)]

    class Reader:
        def __init__(self, path: Path) -> None:
            self.get_leaked_allocation_records = lambda **_: [Record()]

        def __enter__(self) -> Reader:
            return self

        def __exit__(self, *_: object) -> None:
            pass

    monkeypatch.setattr(memray, "FileReader", Reader)
    assert cause_of([Path("any")], sessions=3).made_at == "/srv/app/room.py:12"


def test_a_server_without_memray_says_so(puppet: Launched) -> None:
    puppet.do("sys.modules.__setitem__('memray', None)")
    assert "not installed" in puppet.peer().ask("native", on=True)["problem"]
