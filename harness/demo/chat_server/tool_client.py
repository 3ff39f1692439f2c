"""The server's end of one page's tool process."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

SERVER_FILE: Final = Path(__file__).with_name("tool_server.py")
ANSWER_LIMIT_S: Final = 5.0
EXIT_LIMIT_S: Final = 0.4
"""How long the process is given after its input ended, and again after SIGTERM."""
TEXT_LIMIT: Final = 2_000
"""Characters of a text that a tool is shown, so that a request always fits into the pipe at
once.
"""


class ToolError(Exception):
    """The tool process is gone, or does not answer."""


class ToolClient:
    """Owns one child process, from `start` to `close`."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._lock = asyncio.Lock()
        self._last_id = 0

    async def start(self) -> None:
        """Start the process and wait for its greeting.

        Raises:
            ToolError: it did not start or did not greet.
        """
        try:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-I",
                "-S",
                str(SERVER_FILE),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                start_new_session=True,  # Ctrl-C at the terminal is the server's to handle
            )
        except OSError as error:
            raise ToolError(f"the tool process did not start: {error}") from error
        await self._read_line(self._process)

    async def count_words(self, text: str) -> int:
        """How many words the tool finds in `text`.

        Raises:
            ToolError: the process is gone or silent.
        """
        return int(await self._request("count_words", text[:TEXT_LIMIT]))

    async def _request(self, tool: str, text: str) -> Any:
        async with self._lock:
            if self._process is None or self._process.stdin is None:
                raise ToolError("the tool process is not running")
            self._last_id += 1
            request = {"id": self._last_id, "tool": tool, "text": text}
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            answer: dict[str, Any] = {}
            # A request that was interrupted leaves its answer behind: the ids tell.
            while answer.get("id") != request["id"]:
                answer = await self._read_line(self._process)
        if "result" not in answer:
            raise ToolError(f"the tool answered: {answer.get('error')}")
        return answer["result"]

    async def _read_line(self, process: asyncio.subprocess.Process) -> dict[str, Any]:
        if process.stdout is None:
            raise ToolError("the tool process has no output")
        try:
            # Not wait_for: that of Python 3.11 swallows a cancellation when the line is there
            # already.
            async with asyncio.timeout(ANSWER_LIMIT_S):
                line = await process.stdout.readline()
            answer: dict[str, Any] = json.loads(line)
        except TimeoutError as error:
            raise ToolError(f"the tool process said nothing for {ANSWER_LIMIT_S:g} s") from error
        except ValueError as error:
            raise ToolError("the tool process has ended") from error
        return answer

    async def close(self) -> None:
        """End the process: its input first, then SIGTERM, then SIGKILL. Never leaves it behind."""
        process, self._process = self._process, None
        if process is None:
            return
        try:
            if process.stdin is not None:
                process.stdin.close()
            for insist in (process.terminate, process.kill):
                with suppress(TimeoutError):
                    await asyncio.wait_for(process.wait(), EXIT_LIMIT_S)
                    return
                with suppress(ProcessLookupError):
                    insist()
            await process.wait()
        finally:
            if process.returncode is None:  # cancelled in the middle
                with suppress(ProcessLookupError):
                    process.kill()
