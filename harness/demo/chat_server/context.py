"""The service context: all that the server keeps for one page, and the heavy initialisation
behind a switch.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from .agent import Agent, AgentMissing
from .characters import Cast, Character
from .groups import Groups
from .histories import Histories
from .hooks import Hooks
from .speech import Recogniser, Synthesiser
from .ticks import TOO_LATE_S, Lateness, next_tick
from .tool_client import ToolClient

MEMORY_MESSAGES: Final = 40
"""What a character remembers of the conversation."""
log = logging.getLogger("chat_server")


@dataclass(frozen=True, slots=True)
class Services:
    """What all pages share, made once per server."""

    cast: Cast
    agent_size_bytes: int
    hooks: Hooks = field(default_factory=Hooks)
    synthesiser: Synthesiser = field(default_factory=Synthesiser)
    recogniser: Recogniser = field(default_factory=Recogniser)
    lateness: Lateness = field(default_factory=Lateness)
    groups: Groups = field(default_factory=Groups)
    histories: Histories = field(default_factory=Histories)


class ServiceContext:
    """One page's character, agent, tools, conversation and background tasks."""

    def __init__(self, client_uid: str, services: Services) -> None:
        self.client_uid = client_uid
        self.character = services.cast.first
        self.agent: Agent | None = None
        self.tools = ToolClient()
        self.conversation: deque[tuple[str, str]] = deque(maxlen=MEMORY_MESSAGES)
        self.background_tasks: set[asyncio.Task[None]] = set()
        self._services = services
        self._initialised = asyncio.Event()

    async def load(self, character: Character) -> None:
        """Make the page's tools, and its first agent at once.

        Raises:
            ToolError: the tool process did not start.
            MemoryError: the machine has not the agent's memory.
        """
        self.character = character
        await self.tools.start()
        self.agent = await Agent.build(character, self._services.agent_size_bytes)
        self._initialised.set()

    async def handle_config_switch(self, file: str) -> None:
        """Change the character at once; its agent follows in the background.

        Raises:
            ConfigNotFound: no such character.
        """
        character = self._services.cast.find(file)
        await self._cancel_background_tasks()
        self.character = character
        self._initialised.clear()
        task = asyncio.create_task(self._initialise_agent(character), name=f"initialise {file}")
        self._services.hooks.track_task(self, task)

    async def _initialise_agent(self, character: Character) -> None:
        """Build the agent, install it, then keep it warm until cancelled.

        The agent is held by the context only, never by this frame: one context, one agent.
        """
        self.agent = None  # the old one goes before the new one is made
        try:
            self.agent = await Agent.build(character, self._services.agent_size_bytes)
        except MemoryError:
            log.error(
                "client %s: no memory for an agent of %d bytes",
                self.client_uid,
                self._services.agent_size_bytes,
            )
        self._initialised.set()
        while True:
            late_s = await next_tick()
            if self.agent is not None and late_s < TOO_LATE_S:
                self.agent.keep_warm()

    async def ready_agent(self) -> Agent:
        """The agent, waited for while it is in the making.

        Raises:
            AgentMissing: it could not be made.
        """
        await self._initialised.wait()
        if self.agent is None:
            raise AgentMissing(f"there is no agent for {self.character.conf_name}")
        return self.agent

    async def close(self) -> None:
        """End what runs for this page; what it holds goes with the context itself."""
        log.info("client %s: cleaning the context", self.client_uid)
        await self._cancel_background_tasks()
        log.info("client %s: all background tasks cleaned", self.client_uid)
        await self._services.hooks.close_tools(self)
        log.info("client %s: tool client closed", self.client_uid)

    async def _cancel_background_tasks(self) -> None:
        tasks = {task for task in self.background_tasks if not task.done()}
        self.background_tasks.clear()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
            log.info("client %s: background initialisation cancelled", self.client_uid)
