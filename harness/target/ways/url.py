"""A server of which nothing but its address is known: enough for one session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ...errors import UsageError
from ..target import Running, ServerUnderTest, Start


@dataclass(frozen=True, slots=True)
class Url(Running):
    """A WebSocket address alone. Sessions are possible, and no memory can be read."""

    NAME: ClassVar = "url"
    HELP_NAME: ClassVar = "--url"
    NEEDS: ClassVar = (
        "start it with --serve, name it with --pid, --container, --cgroup or --metrics-url, or "
        "try --once"
    )

    async def open(self, start: Start) -> ServerUnderTest:  # noqa: ARG002
        """Refuse: there is nothing to measure."""
        raise UsageError("--url alone gives no memory to measure", hint=self.NEEDS)
