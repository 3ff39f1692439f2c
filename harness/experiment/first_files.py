"""The first scenario and the first settings for a server, as text."""

from __future__ import annotations

from typing import Final

from .found_server import FoundServer

SCENARIO_FILE: Final = "visit.py"
UNKNOWN: Final = FoundServer("", "plain", "", "/ws", "index")
"""A server of which nothing is known."""
_SCENARIO: Final = '''\
"""One visit of a user. It ends where it began."""

from leak_harness import Session, scenario


@scenario(protocol="{protocol}")
async def visit(session: Session) -> None:
    """Say something, wait for the answer, and leave."""
    {action}
'''


def scenario_text(server: FoundServer) -> str:
    """A scenario that does one thing with this server."""
    return _SCENARIO.format(protocol=server.protocol, action=_action(server))


def settings_text(server: FoundServer) -> str:
    """A `leak-harness.toml` that starts this server; what is not known is a comment."""
    port = "{port}" if server.port is None else server.port
    is_plain = server.protocol == "plain"
    url = f"ws://127.0.0.1:{port}{server.path}"
    command = server.command or "python server.py"
    mark = "" if server.command else "# "
    lines = [
        "# Settings of `leak-harness run`. Every option can stand here, by its name.",
        f'scenario = "{SCENARIO_FILE}"',
        "",
        "# What starts the server. {port} becomes a free port, which is also in PORT.",
        f"{mark}serve = '{command}'",
    ]
    if server.port is not None:
        lines.append(f"# The server listens on {server.port}: one run at a time.")
    if is_plain or server.port is not None:
        lines.append(f'{mark}url = "{url}"')
    lines += [
        "",
        "# Sessions in a cycle. After each cycle the server is measured at rest.",
        "# sessions = 5",
        "# The largest memory growth per session that still passes.",
        '# limit = "1KiB"',
    ]
    return "\n".join(lines) + "\n"


def _action(server: FoundServer) -> str:
    if server.protocol == "socketio":
        event = server.event or "hello"
        return f'await session.call("{event}", "hello")  # waits for the acknowledgement'
    message = '"hello"'
    if server.is_json:
        message = repr(dict.fromkeys(server.keys or ("message",), "hello")).replace("'", '"')
    return f"await session.request({message})  # sends it, and waits for the next message"
