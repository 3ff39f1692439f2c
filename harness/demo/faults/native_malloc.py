"""A C library's buffer of each page is never freed."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ..chat_server.hooks import Hooks, Page

SPEC: Final[dict[str, Any]] = {
    "name": "native-malloc",
    "description": "16 KiB of C memory are allocated for each page and never freed",
    "scenario": "plain-chat",
    "options": ["--agent-size", "1MiB", "--grace", "2s"],
    "verdict": "leak",
    "kind": "native",
    "gate": "memory",
    "finding": "native",
    "type": "[heap]",
    "file": "faults/native_malloc.py",
    "function": "_allocate",
    "action": "connect",
}

_libc = ctypes.CDLL(None)
_libc.strdup.restype = ctypes.c_void_p


def install(hooks: Hooks) -> None:
    """Allocate for each page."""
    hooks.session_opened.append(_allocate)


def _allocate(_: Page) -> None:
    _libc.strdup(b"x" * 16_383)
