"""Where a fault can put itself: named points in a page's life, each harmless until a fault
module takes it.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Protocol

from .tool_client import ToolClient


class FaultNotLoaded(Exception):
    """A fault module is absent, does not load, or has no `install`."""


class Context(Protocol):
    """What a fault sees of a page's `ServiceContext`."""

    client_uid: str
    tools: ToolClient
    conversation: deque[tuple[str, str]]
    """Who said what, in order."""
    background_tasks: set[asyncio.Task[None]]


class Page(Protocol):
    """What a fault sees of a page, which is a `Session` of page.py."""

    client_uid: str

    @property
    def context(self) -> Context:
        """What the server keeps for the page."""
        ...

    @property
    def said_goodbye(self) -> bool:
        """Whether the page closed its connection, and did not just lose it."""
        ...


class Turn(Protocol):
    """What a fault sees of one turn: the user's words and the sentences of the reply."""

    text: str
    reply: list[str]


def track_task(context: Context, task: asyncio.Task[None]) -> None:
    """Keep the handle by which the next switch, or the page's end, cancels the task."""
    context.background_tasks.add(task)


async def close_tools(context: Context) -> None:
    """End the page's tool process."""
    await context.tools.close()


@dataclass(slots=True)
class Hooks:
    """A fault's `install(hooks)` replaces one of the two functions or adds itself to a list."""

    track_task: Callable[[Context, asyncio.Task[None]], None] = track_task
    """A switch has started a background task."""
    close_tools: Callable[[Context], Awaitable[None]] = close_tools
    """The context is being closed."""
    session_opened: list[Callable[[Page], None]] = field(default_factory=list)
    """A page is about to be greeted."""
    turn_finished: list[Callable[[Page, Turn], None]] = field(default_factory=list)
    """A reply has been played; not called for a reply that was interrupted, failed or lost."""
    character_switched: list[Callable[[Page], None]] = field(default_factory=list)
    """A switch has been answered; its agent may still be in the making."""
    session_closed: list[Callable[[Page], None]] = field(default_factory=list)
    """A page's clean-up is over."""


def install_fault(word: str, hooks: Hooks) -> None:
    """Load a fault module and let it put itself into `hooks`.

    Args:
        word: the module's path; `path=argument` where its `install` takes one.
        hooks: what it changes.

    Raises:
        FaultNotLoaded: the file is absent, is no Python, or defines no `install`.
    """
    path, _, argument = word.partition("=")
    try:
        module = _load(Path(path))
    except (OSError, ImportError, SyntaxError) as error:
        raise FaultNotLoaded(f"fault module {path} cannot be loaded: {error}") from error
    if not callable(getattr(module, "install", None)):
        raise FaultNotLoaded(f"fault module {path} defines no install(hooks)")
    module.install(hooks, *filter(None, [argument]))


def _load(path: Path) -> ModuleType:
    name = f"chat_server_fault_{path.stem}"
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError("it is no Python file")
    module = sys.modules[name] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
