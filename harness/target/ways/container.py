"""A docker or podman container of this machine."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from typing import ClassVar, Final

from ...errors import NoSuchProcess, UsageError
from ...option import TEXT, Option, from_option
from ..target import LocalProcess, ServerUnderTest, Start

CONTAINER: Final = Option(
    "container",
    TEXT,
    "The server runs in this docker or podman container of this machine.",
    metavar="NAME",
)
_ENGINES: Final = ("docker", "podman")


@dataclass(frozen=True, slots=True)
class Container(LocalProcess):
    """The first process of a container, and its children. It is never stopped."""

    NAME: ClassVar = "container"
    HELP_NAME: ClassVar = "--container"
    CHOSEN_BY: ClassVar = "container"

    container: str = from_option(CONTAINER, required=True)
    """The name or the id of the container."""

    def words(self, port: str) -> dict[str, str]:  # noqa: ARG002
        """The id of its first process."""
        return {"pid": str(pid_of_container(self.container))}

    async def open(self, start: Start) -> ServerUnderTest:  # noqa: ARG002
        """Find its first process."""
        from ..attached import Attached

        return Attached(pid_of_container(self.container))


def pid_of_container(name: str) -> int:
    """The first process of a container, as docker or podman tells it.

    Raises:
        UsageError: there is neither docker nor podman.
        NoSuchProcess: no such container runs.
    """
    answer = ""
    for engine in filter(shutil.which, _ENGINES):
        done = subprocess.run(
            [engine, "inspect", name], capture_output=True, text=True, check=False
        )
        answer = f"{engine}: {done.stderr.strip()}"
        if done.returncode == 0 and (pid := json.loads(done.stdout)[0].get("State", {}).get("Pid")):
            return int(pid)
    if not answer:
        raise UsageError(
            "--container needs docker or podman, and this machine has neither",
            hint="name a process with --pid",
        )
    raise NoSuchProcess(f"no container '{name}' runs here", why=answer, hint="see `docker ps`")
