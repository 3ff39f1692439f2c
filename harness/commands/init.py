"""`leak-harness init`: the first scenario and settings for the server in this folder."""

from __future__ import annotations

import argparse
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..errors import UsageError
from ._run_options import tell

if TYPE_CHECKING:
    from ..experiment.found_server import FoundServer

HELP: Final = "Write a first scenario and settings for the server in this folder, and try them."
EXAMPLES: Final = """\
It looks for FastAPI, Starlette, Django Channels, aiohttp, Tornado, Socket.IO
and websockets in imports and dependencies. It writes visit.py and
leak-harness.toml. It stops where one of them exists already. Then it runs one
session and prints its messages, as `run --once --trace` does.
The status is that of the session: 0 it went well, 4 the server or the session
failed."""
TRY: Final = "leak-harness run --once --trace"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Whether the files are tried."""
    parser.add_argument("--no-run", action="store_true", help="Write the files, and run nothing.")
    parser.epilog = EXAMPLES


def run(options: argparse.Namespace) -> int:
    """Write the files, and try them where the server can be started."""
    from ..experiment import first_files
    from ..experiment.found_server import found_server

    folder = Path.cwd()
    server = found_server(folder)
    known = server or first_files.UNKNOWN
    settings, script = "leak-harness.toml", first_files.SCENARIO_FILE
    texts = {
        script: first_files.scenario_text(known),
        settings: first_files.settings_text(known),
    }
    _refuse_what_is_there(folder, texts)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    print(f"wrote {script} and {settings}: {_about(server)}")
    why_not = _why_not(server)
    if options.no_run or why_not:
        print(f"{why_not}next: {TRY}")
        return 0
    print(f"trying one session: {TRY}", flush=True)
    return _try(folder, script)


def _refuse_what_is_there(folder: Path, texts: Mapping[str, str]) -> None:
    there = [name for name in texts if (folder / name).exists()]
    if there:
        raise UsageError(
            f"{there[0]} is there already",
            why="init writes new files only",
            hint=f"try it with {TRY}, or move it away and run init again",
        )


def _about(server: FoundServer | None) -> str:
    if server is None:
        return "no server that init knows was recognised in this folder"
    start = f"started with `{server.command}`" if server.command else "its start is not known"
    return f"{server.framework}, {start}"


def _why_not(server: FoundServer | None) -> str:
    """Why nothing can be tried yet, as a sentence; empty where it can."""
    if server is None or not server.command:
        return "Fill in `serve` and `url` in leak-harness.toml.\n"
    program = shlex.split(server.command)[0]
    if shutil.which(program) is None:
        return f"'{program}' is not installed here. Install the server's packages first.\n"
    return ""


def _try(folder: Path, script: str) -> int:
    from ..errors import HarnessError
    from ..experiment.config import settings
    from ..experiment.options import options_from
    from .run import run_with

    values = settings({"once": True, "trace": True}, folder, tell)
    try:
        status = run_with(options_from(values, ("leak-harness", "init")))
    except HarnessError:
        tell(f"The session failed. The files stay. Change {script}, then: {TRY}")
        raise
    print("next: leak-harness run")
    return status
