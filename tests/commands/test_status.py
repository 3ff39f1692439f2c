"""An exit status means what the table says, whatever becomes of the output or of a script."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from server_scripts import ECHO, written

from harness.errors import ExitStatus

SCENARIO = (
    "import os\n\nfrom harness import scenario\n\n\n@scenario(protocol='plain')\nasync def "
    "visit(session):\n"
)
TALKS = SCENARIO + "    await session.chat('x')\n"
LIMIT_S = 60.0


def words(folder: Path, text: str = TALKS) -> str:
    """A command line for a shell, run in the folder."""
    (folder / "mine.py").write_text(text)
    serve = f"--serve '{written(folder, ECHO)}'"
    return (
        f"{sys.executable} -m harness run mine.py {serve} --cycles 3 --grace 0s --no-explain "
        f"--out out"
    )


def shell(folder: Path, line: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **variables}
    return subprocess.run(
        ["/bin/sh", "-c", line],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def result(folder: Path) -> dict[str, object]:
    written_result: dict[str, object] = json.loads((folder / "out" / "result.json").read_text())
    return written_result


def test_a_usage_error_that_cannot_be_printed_is_status_2(tmp_path: Path) -> None:
    assert (
        shell(tmp_path, f"{sys.executable} -m harness run nosuch 2>/dev/full").returncode
        == ExitStatus.USAGE
    )


@pytest.mark.parametrize("ending", ["2>/dev/full", "2>&-"])
def test_a_run_whose_progress_cannot_be_printed_has_the_status_of_its_result(
    tmp_path: Path, ending: str
) -> None:
    done = shell(tmp_path, f"{words(tmp_path)} {ending}")
    assert done.returncode == result(tmp_path)["exit_status"]


@pytest.mark.parametrize("ending", [">/dev/full", ">&-", "--json >/dev/full"])
def test_a_result_that_cannot_be_printed_is_status_5_and_stands_in_the_run_folder(
    tmp_path: Path, ending: str
) -> None:
    done = shell(tmp_path, f"{words(tmp_path)} {ending}")
    assert (done.returncode, "Traceback" in done.stderr) == (ExitStatus.HARNESS_FAILED, False), (
        done.stderr
    )
    assert "standard output cannot be written" in done.stderr
    assert result(tmp_path)["verdict"]


def test_a_backend_of_plots_that_is_not_there_is_not_needed(tmp_path: Path) -> None:
    done = shell(tmp_path, words(tmp_path), MPLBACKEND="module://no_such_backend")
    assert (done.returncode, "missing" in done.stderr) == (
        result(tmp_path)["exit_status"],
        False,
    ), done.stderr


def test_a_report_that_cannot_be_written_leaves_verdict_and_result_and_is_status_5(
    tmp_path: Path,
) -> None:
    (tmp_path / "out" / ".memory.png.part").mkdir(parents=True)
    done = shell(tmp_path, words(tmp_path))
    assert (done.returncode, "Traceback" in done.stderr) == (ExitStatus.HARNESS_FAILED, False), (
        done.stderr
    )
    assert ("memory.png is missing" in done.stderr, "report:" in done.stdout) == (True, True)
    assert result(tmp_path)["verdict"]


@pytest.mark.parametrize("status", [0, 1])
@pytest.mark.parametrize("where", ["file", "script"])
def test_a_script_that_calls_os_exit_is_status_2_with_its_line(
    tmp_path: Path, status: int, where: str
) -> None:
    text = (
        f"{SCENARIO}    os._exit({status})\n"
        if where == "script"
        else f"import os\nos._exit({status})\n"
    )
    done = shell(tmp_path, words(tmp_path, text))
    line = 8 if where == "script" else 2
    assert (done.returncode, f"mine.py:{line}" in done.stderr) == (ExitStatus.USAGE, True), (
        done.stderr
    )


def test_a_task_of_a_script_that_exits_is_status_2_with_its_line(tmp_path: Path) -> None:
    text = SCENARIO.replace("import os", "import asyncio\nimport sys") + (
        "    async def leave():\n        sys.exit(0)\n    await asyncio.gather(leave())\n"
    )
    done = shell(tmp_path, words(tmp_path, text))
    assert (done.returncode, "mine.py:10" in done.stderr) == (ExitStatus.USAGE, True), done.stderr


ENDS = {
    "thread": "    import threading\n    threading.Thread(target=os._exit, args=(0,)).start()\n",
    "posix": "    import posix\n    posix._exit(1)\n",
    "callback": "    import asyncio\n    asyncio.get_running_loop().call_soon(os._exit, 0)\n",
    "exec": "    os.execv('/bin/true', ['true'])\n",
    "loop": "    import asyncio\n    asyncio.get_running_loop().stop()\n",
    "unprintable": "    class Odd(Exception):\n        def __str__(self):\n"
    "            os._exit(0)\n    raise Odd\n",
}


@pytest.mark.parametrize("body", ENDS.values(), ids=ENDS)
def test_a_script_that_ends_the_process_in_another_way_is_status_2(
    tmp_path: Path, body: str
) -> None:
    done = shell(tmp_path, words(tmp_path, f"{SCENARIO}{body}    await session.chat('x')\n"))
    assert (done.returncode, "Traceback" in done.stderr) == (ExitStatus.USAGE, False), done.stderr
    assert "script" in done.stderr


LEAVES = {
    "exit-handler": "    import atexit\n    atexit.register(os._exit, 0)\n",
    "thread": "    import threading\n    wait = threading.Event().wait\n"
    "    threading.Thread(target=wait).start()\n",
    "no-streams": "    import sys\n    sys.stdout = sys.stderr = None\n",
    "child": "    os.fork() or os.close(os.dup(0))\n",
}


@pytest.mark.parametrize("body", LEAVES.values(), ids=LEAVES)
def test_what_a_script_leaves_behind_does_not_change_the_status(tmp_path: Path, body: str) -> None:
    done = shell(tmp_path, f"{words(tmp_path, TALKS + body)} --cycles 1")
    assert done.returncode == result(tmp_path)["exit_status"], done.stderr


def test_output_that_a_script_has_closed_is_status_5_without_a_traceback(tmp_path: Path) -> None:
    body = "    import sys\n    sys.stdout.close()\n    sys.__stdout__.close()\n"
    done = shell(tmp_path, words(tmp_path, f"{SCENARIO}{body}    await session.chat('x')\n"))
    assert (done.returncode, "Traceback" in done.stderr) == (ExitStatus.HARNESS_FAILED, False), (
        done.stderr
    )


def test_what_a_scenario_prints_is_no_part_of_the_result(tmp_path: Path) -> None:
    text = f"print('loaded')\n{SCENARIO}    print('visited')\n    await session.chat('x')\n"
    done = shell(tmp_path, f"{words(tmp_path, text)} --json")
    assert json.loads(done.stdout) == result(tmp_path)
    assert ("loaded" in done.stderr, "visited" in done.stderr) == (True, True)


@contextmanager
def running(folder: Path, body: str) -> Iterator[subprocess.Popen[str]]:
    """A run that has reached its script, which says so."""
    text = f"{SCENARIO}    print('reached', flush=True)\n{body}"
    line = f"exec {words(folder, text)}"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(
        ["/bin/sh", "-c", line],
        cwd=folder,
        env=environment,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        for said in process.stderr:
            if "reached" in said:
                break
        try:
            yield process
        finally:
            process.kill()


SPINS = "    while True:\n        pass\n"
SWALLOWS = """
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass
"""


@pytest.mark.parametrize(
    "numbers", [[signal.SIGINT, signal.SIGINT], [signal.SIGTERM]], ids=["INT-INT", "TERM"]
)
@pytest.mark.parametrize("body", [SPINS, SWALLOWS], ids=["spins", "swallows"])
def test_a_script_that_never_awaits_can_be_stopped(
    tmp_path: Path, body: str, numbers: list[signal.Signals]
) -> None:
    with running(tmp_path, body) as process:
        for number in numbers:
            process.send_signal(number)
            _handled(process)
        assert process.wait(timeout=LIMIT_S) == ExitStatus.INTERRUPTED
        _, said = process.communicate()
    assert "Traceback" not in said
    if body is SPINS:
        assert result(tmp_path)["verdict"] == "interrupted"


def _handled(process: subprocess.Popen[str]) -> None:
    """Wait until no signal is pending: two that come at once are one."""
    while process.poll() is None:
        lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
        pending = [
            int(line.split()[1], 16) for line in lines if line.startswith(("SigPnd", "ShdPnd"))
        ]
        if not any(pending):
            return
