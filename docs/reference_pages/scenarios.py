"""The tables of actions on the page about scenarios."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import harness
from harness.sessions import protocols
from harness.sessions.session import BaseSession
from reference_pages.markdown import signature, summary, table


def scenarios_page(path: Path) -> str:
    """The page on scenarios, its tables of actions made anew.

    Args:
        path: the page as it stands. All but the tables is written by hand.
    """
    text = path.read_text(encoding="utf-8")
    own = [_action(name, method) for name, method in _methods(BaseSession)]
    parts = {
        "session": [*table(("on every session", "does"), own), ""],
        "protocols": list(_protocols()),
        "types": [*table(("protocol", "type", "import"), _types()), ""],
    }
    for name, lines in parts.items():
        begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition(end)
        text = "\n".join([f"{before}{begin}", "", *lines, f"{end}{after}"])
    return text


def _protocols() -> Iterator[str]:
    for name in protocols.shipped():
        adapter = protocols.protocol_named(name)
        session = getattr(adapter, "session", adapter)
        actions = [_action(action, getattr(session, action)) for action in sorted(adapter.actions)]
        path = f"The path is `{adapter.default_path}` unless `--url` says another."
        yield from (f"### {name}", "", path, "")
        yield from (*table(("action", "does"), actions), "")


def _types() -> Iterator[tuple[str, str, str]]:
    """The typed session of each protocol, as it is imported."""
    public = {getattr(harness, name): name for name in harness.__all__ if "Session" in name}
    for protocol in protocols.shipped():
        session = getattr(protocols.protocol_named(protocol), "session", BaseSession)
        if session in public:
            name = public[session]
            yield f"`{protocol}`", f"`{name}`", f"`from leak_harness import {name}`"
        else:
            yield (
                f"`{protocol}`",
                f"`{session.__name__}`",
                f"`from {session.__module__} import ...`",
            )
    yield "any", "`Session`", "`from leak_harness import Session`"


def _methods(owner: type) -> Iterator[tuple[str, Any]]:
    for name, member in vars(owner).items():
        if inspect.isfunction(member) and not name.startswith("_"):
            yield name, member


def _action(name: str, method: Any) -> tuple[str, str]:
    return f"`{name}{signature(method)}`", summary(method)
