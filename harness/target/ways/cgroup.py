"""A server whose memory is that of a control group."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from ...errors import UsageError
from ...option import PATH, Option, from_option
from ..target import Running, ServerUnderTest, Start

CGROUP: Final = Option(
    "cgroup",
    PATH,
    "The server runs in this control group (version 2): read the memory and CPU of the group.",
    metavar="DIR",
)


@dataclass(frozen=True, slots=True)
class Cgroup(Running):
    """All processes of a control group, version 2."""

    NAME: ClassVar = "cgroup"
    HELP_NAME: ClassVar = "--cgroup"
    CHOSEN_BY: ClassVar = "cgroup"

    cgroup: Path = from_option(CGROUP, required=True)
    """The folder of the group, below /sys/fs/cgroup."""

    def check(self) -> None:
        """See that the group has a memory controller."""
        if not (self.cgroup / "memory.current").is_file():
            raise UsageError(
                f"--cgroup {self.cgroup} has no memory.current",
                hint="give the folder of a version 2 group with a memory controller, below "
                "/sys/fs/cgroup",
            )

    async def open(self, start: Start) -> ServerUnderTest:  # noqa: ARG002
        """Nothing is opened: the files of the group are read when they are needed."""
        from ..remote import GroupFiles, Remote

        return Remote(GroupFiles(self.cgroup))
