"""A server that the run starts with a command."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import ClassVar, Final

from ...errors import UsageError
from ...option import PATH, PATTERN, TEXT, Option, declared, from_option
from ...redaction import without_secrets
from ..target import ENV, LAUNCHED_READY_LIMIT_S, URL, ServerUnderTest, Start, Target

SERVE: Final = Option(
    "serve",
    TEXT,
    "Start this command as the server, without a shell. {port} in it becomes a free port, which"
    " is also in PORT.",
    metavar="COMMAND",
)


@dataclass(frozen=True, slots=True)
class Serve(Target):
    """A command that is started as the server, and ended with the run."""

    NAME: ClassVar = "serve"
    HELP_NAME: ClassVar = "--serve"
    CHOSEN_BY: ClassVar = "serve"
    LAUNCHES: ClassVar = True
    READY_LIMIT_S: ClassVar = LAUNCHED_READY_LIMIT_S

    command: str = from_option(SERVE, required=True)
    """The command, quoted as for a shell; `{port}` in it becomes a free port."""
    _: KW_ONLY
    url: str | None = from_option(URL)
    """The WebSocket address; None: the port that the command gets."""
    cwd: Path | None = declared("cwd", PATH, "The folder to start the server in.", metavar="DIR")
    """None: the current folder."""
    env: Mapping[str, str] = from_option(ENV)
    """Variables for the environment of the server."""
    ready_log: re.Pattern[str] | None = declared(
        "ready-log",
        PATTERN,
        "The server is ready once a line of its log matches this.",
        default_text="once it answers a WebSocket handshake",
    )
    """None: the server is ready once it answers a handshake."""

    def check(self) -> None:
        """See that the command can be read, and that its folder is there."""
        self._words("0")
        if self.cwd is not None and not self.cwd.is_dir():
            raise UsageError(f"--cwd {self.cwd} is not a folder", hint="is the path right?")

    def address(self, port: str) -> str:
        """The address that was given, with the port in it."""
        return (self.url or "").replace("{port}", port)

    def words(self, port: str) -> dict[str, str]:
        """The command that starts it."""
        return {"command": without_secrets(self._words(port))}

    async def open(self, start: Start) -> ServerUnderTest:
        """Start the server."""
        from ..launched import Server

        return await Server.launch(
            self._words(start.port),
            environment=start.environment,
            folder=self.cwd,
            log=start.log,
            ready_log=self.ready_log,
        )

    @property
    def variables(self) -> Mapping[str, str]:
        """Environment variables that `--env` sets."""
        return self.env

    @property
    def folder(self) -> Path | None:
        """The folder that `--cwd` names."""
        return self.cwd

    def _words(self, port: str) -> list[str]:
        try:
            words = [word.replace("{port}", port) for word in shlex.split(self.command)]
        except ValueError as error:
            raise UsageError(f"--serve {self.command}: {error}", hint="close the quotes") from error
        if not words:
            raise UsageError(
                "--serve is empty",
                hint='give a command, such as --serve "uvicorn app:app --port {port}"',
            )
        return words
