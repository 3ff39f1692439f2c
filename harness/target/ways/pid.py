"""A process of this machine that runs already."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from ...option import PROCESS_ID, Option, from_option
from ..target import LocalProcess, ServerUnderTest, Start

PID: Final = Option(
    "pid",
    PROCESS_ID,
    "The server runs already: measure this process and its children.",
)


@dataclass(frozen=True, slots=True)
class Pid(LocalProcess):
    """A process that runs already, and its children. It is never stopped."""

    NAME: ClassVar = "pid"
    HELP_NAME: ClassVar = "--pid"
    CHOSEN_BY: ClassVar = "pid"

    pid: int = from_option(PID, required=True)
    """The id of the process."""

    def words(self, port: str) -> dict[str, str]:  # noqa: ARG002
        """The id of the process."""
        return {"pid": str(self.pid)}

    async def open(self, start: Start) -> ServerUnderTest:  # noqa: ARG002
        """Find the process."""
        from ..attached import Attached

        return Attached(self.pid)
