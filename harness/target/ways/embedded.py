"""The embedded chat server, started for this run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from ...option import SIZE, TEXT, declared, from_option
from ...redaction import without_secrets
from ..target import ENV, LAUNCHED_READY_LIMIT_S, ServerUnderTest, Start, Target

AGENT_SIZE_BYTES: Final = 32 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded(Target):
    """The chat server that comes with the harness. Faults can be switched on in it."""

    NAME: ClassVar = "embedded"
    HELP_NAME: ClassVar = "the embedded server"
    LAUNCHES: ClassVar = True
    READY_LIMIT_S: ClassVar = LAUNCHED_READY_LIMIT_S

    fault: tuple[str, ...] = declared(
        "fault",
        TEXT,
        "Switch a fault on in the embedded server. `leak-harness faults` lists them.",
        metavar="NAME",
        default=(),
        is_repeatable=True,
    )
    """Names of faults and look-alikes."""
    agent_size_bytes: int = declared(
        "agent-size",
        SIZE,
        "The memory that the embedded server takes for each character that a session talks to.",
        default=AGENT_SIZE_BYTES,
    )
    env: Mapping[str, str] = from_option(ENV)
    """Variables for the environment of the server."""

    def words(self, port: str) -> dict[str, str]:
        """The command that starts it."""
        return {"command": without_secrets(self._command(port))}

    async def open(self, start: Start) -> ServerUnderTest:
        """Start the embedded server."""
        from ..launched import Server

        return await Server.launch(
            self._command(start.port), environment=start.environment, folder=None, log=start.log
        )

    @property
    def variables(self) -> Mapping[str, str]:
        """Environment variables that `--env` sets."""
        return self.env

    def _command(self, port: str) -> list[str]:
        from ..embedded import embedded_command

        return embedded_command(port, self.agent_size_bytes, self.fault)
