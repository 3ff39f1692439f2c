"""Put the probe into a Python process that runs already, where interpreter and machine allow it.

CPython 3.14 takes a script through `sys.remote_exec`, which an interpreter of the same version must
call: the server's own, found by its process. Before that gdb can call into the interpreter, which
is why nobody does so unasked.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from ..errors import ProbeError
from .probe_peers import INJECTED

_INJECTED: Final = INJECTED / "sitecustomize.py"
_SCRIPT: Final = """\
import importlib.util
spec = importlib.util.spec_from_file_location("_leak_harness_inject", {injected!r})
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
module.start_probe({folder!r})
"""
_SEND: Final = """\
import sys
if sys.version_info < (3, 14):
    sys.exit(9 if sys.version_info >= (3, 9) else 8)
sys.remote_exec(int(sys.argv[1]), sys.argv[2])
"""
_BEFORE_3_14: Final = 9
_BEFORE_3_9: Final = 8
_HELPER: Final = "multiprocessing.resource_tracker"
"""A process next to each that starts workers: it sleeps until they end, and holds nothing of the
server's.
"""
LIMIT_S: Final = 30.0


async def attach_probe(pids: Sequence[int], folder: Path) -> list[int]:
    """Have each Python process among them load the probe, which then greets in `folder`; which
    those are.

    Raises:
        ProbeError: there is none, or neither way is open; the words say why.
    """
    pythons = [pid for pid in pids if _is_python(pid)]
    if not pythons:
        raise ProbeError("the server is not Python: none of its processes can take the probe")
    for pid in pythons:
        await _attach(pid, folder)
    return pythons


async def _attach(pid: int, folder: Path) -> None:
    if not _sees(pid, folder):
        raise ProbeError(
            f"process {pid} is in a container: it does not see the files that the probe is "
            f"loaded from",
            hint="run leak-harness in that container, with --serve or --pid",
        )
    script = _script(pid, folder)
    status, output = await _run(f"/proc/{pid}/exe", "-I", "-c", _SEND, str(pid), str(script))
    if status == _BEFORE_3_14:
        await _through_gdb(pid, script)
    elif status:
        why = (
            "it runs a Python before 3.9"
            if status == _BEFORE_3_9
            else _last_line(output) or f"status {status}"
        )
        raise ProbeError(
            f"process {pid} did not take the probe: {why}",
            hint="may this user trace it (kernel.yama.ptrace_scope, CAP_SYS_PTRACE)?"
            if status != _BEFORE_3_9
            else "",
        )


def _sees(pid: int, folder: Path) -> bool:
    return Path(f"/proc/{pid}/root{folder}").exists()


def _is_python(pid: int) -> bool:
    with suppress(OSError):
        name = Path(f"/proc/{pid}/exe").readlink().name
        return (
            "python" in name and _HELPER.encode() not in Path(f"/proc/{pid}/cmdline").read_bytes()
        )
    return False


def _last_line(output: str) -> str:
    lines = [
        line.strip() for line in output.splitlines() if line.strip() and "detached" not in line
    ]
    return lines[-1] if lines else ""


def _script(pid: int, folder: Path) -> Path:
    """What the process is to run, where its user can read it and greet."""
    script = folder / f"{pid}.attach.py"
    script.write_text(_SCRIPT.format(injected=str(_INJECTED), folder=str(folder)), encoding="utf-8")
    user = Path(f"/proc/{pid}").stat().st_uid
    if user != os.getuid():
        for path in (folder, script):
            os.chown(path, user, -1)
    return script


async def _through_gdb(pid: int, script: Path) -> None:
    gdb = shutil.which("gdb")
    if gdb is None:
        raise ProbeError(
            f"process {pid} runs a Python before 3.14, which takes the probe through gdb alone, "
            f"and there is no gdb",
            hint="install gdb, or start the server with --serve",
        )
    await _try_gdb(gdb)
    # The interpreter runs it when it next may, as it would a signal handler: it was stopped in the
    # middle of anything.
    source = f"exec(open('{script}').read(), {{}})"
    call = f'call (int)Py_AddPendingCall((void*)PyRun_SimpleString, "{source}")'
    status, output = await _run(gdb, "-nx", "-batch", "-p", str(pid), "-ex", call)
    if status or "$1 = 0" not in output:
        raise ProbeError(
            f"gdb could not put the probe into process {pid}: "
            f"{_last_line(output) or f'status {status}'}",
            hint="may this user trace it (kernel.yama.ptrace_scope, CAP_SYS_PTRACE), and is it "
            "Python?",
        )


async def _try_gdb(gdb: str) -> None:
    """Have it call into a process of ours first: where it fails half-way, the process is left in
    ruins.
    """
    ours = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-S",
        "-c",
        "import sys; print(flush=True); sys.stdin.read()",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        assert ours.stdout is not None
        await ours.stdout.readline()
        _, output = await _run(
            gdb, "-nx", "-batch", "-p", str(ours.pid), "-ex", "call (int)getpid()"
        )
    finally:
        with suppress(ProcessLookupError):
            ours.kill()
        await ours.wait()
    if f"$1 = {ours.pid}" not in output:
        raise ProbeError(
            f"gdb cannot call into processes on this machine: "
            f"{_last_line(output) or 'it says nothing'}",
            hint="try a newer gdb (13 fails on processors with AMX), allow ptrace "
            "(kernel.yama.ptrace_scope), "
            "or start the server with --serve",
        )


async def _run(*command: str) -> tuple[int, str]:
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
    except OSError as error:
        return -1, str(error)
    try:
        output, _ = await asyncio.wait_for(process.communicate(), LIMIT_S)
    except TimeoutError:
        process.kill()
        await process.wait()
        return -1, f"no answer within {LIMIT_S:g}s"
    return process.returncode or 0, output.decode(errors="replace")
