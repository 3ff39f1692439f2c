"""What kind of WebSocket server a folder holds, from its imports and dependencies; nothing is run.

The kinds stand in `FRAMEWORKS`, the most special first: a Socket.IO server may be part of a FastAPI
application.
"""

from __future__ import annotations

import ast
import os
import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from shutil import which
from typing import Any, Final

MAX_FILES: Final = 400
"""Files of Python that are read."""
MAX_BYTES: Final = 512 * 1024
"""Of a file that is read."""
_SKIPPED: Final = frozenset(
    ("build", "dist", "docs", "env", "node_modules", "site-packages", "test", "tests", "venv")
)
_LIFE_OF_A_CONNECTION: Final = frozenset(("connect", "disconnect"))


@dataclass(frozen=True, slots=True)
class Source:
    """A file of Python of the folder."""

    path: PurePosixPath
    """Its path, from the folder on."""
    text: str
    tree: ast.Module
    imports: frozenset[str]
    """The top-level packages that it imports."""


@dataclass(frozen=True, slots=True)
class FoundServer:
    """A server that can be started and visited."""

    framework: str
    """The framework's name as people write it."""
    protocol: str
    command: str
    """What starts it; empty: no file of the folder looks like its start."""
    path: str
    """Where its WebSocket is."""
    page: str
    """The how-to page about it, without `.md`."""
    port: int | None = None
    """The port that its code names; None: it takes the one that it is given."""
    is_json: bool = False
    """Whether its code reads and writes JSON."""
    keys: tuple[str, ...] = ()
    """What it reads of an object of JSON that it receives."""
    event: str = ""
    """Of Socket.IO: an event that it answers."""


@dataclass(frozen=True, slots=True)
class Framework:
    """A kind of server, and how it is recognised and started."""

    name: str
    packages: tuple[str, ...]
    """What its servers import, and as what it is installed."""
    page: str
    classes: tuple[str, ...] = ()
    """A top-level value of such a class is an ASGI application."""
    protocol: str = "plain"
    path: str = "/"
    """Where the WebSocket is, where the code does not tell."""


FRAMEWORKS: Final = (
    Framework("Socket.IO", ("socketio", "python-socketio"), "socketio", ("ASGIApp",), "socketio"),
    Framework("Django Channels", ("channels",), "django-channels", ("ProtocolTypeRouter",)),
    Framework("FastAPI", ("fastapi",), "fastapi", ("FastAPI",), path="/ws"),
    Framework("Starlette", ("starlette",), "fastapi", ("Starlette",), path="/ws"),
    Framework("aiohttp", ("aiohttp",), "aiohttp", path="/ws"),
    Framework("Tornado", ("tornado",), "tornado", path="/ws"),
    Framework("websockets", ("websockets",), "websockets"),
)


def found_server(folder: Path) -> FoundServer | None:
    """The server of a folder; None where nothing looks like one."""
    sources = list(_sources(folder))
    dependencies = _dependencies(folder)
    for framework in FRAMEWORKS:
        users = [source for source in sources if source.imports & {*framework.packages}]
        if users or dependencies & {*framework.packages}:
            return _server(framework, users or sources, folder)
    return None


def _server(framework: Framework, users: list[Source], folder: Path) -> FoundServer:
    paths = [path for source in users for path in _socket_paths(source.tree)]
    events = [event for source in users for event in _events(source.tree)]
    command, port = _start(framework, users, folder)
    is_socketio = framework.protocol == "socketio"
    return FoundServer(
        framework.name,
        framework.protocol,
        command,
        "" if is_socketio else (paths or [framework.path])[0],
        framework.page,
        port,
        any(re.search(r"_json\b|\bjson\.loads", source.text) for source in users),
        tuple(dict.fromkeys(key for source in users for key in _keys(source.tree))),
        events[0] if is_socketio and events else "",
    )


def _start(framework: Framework, users: list[Source], folder: Path) -> tuple[str, int | None]:
    """The command that starts it, and the port where its code names one."""
    for source in users:
        name = _application(source.tree, framework.classes)
        if name:
            uvicorn = _tool(folder, "uvicorn")
            root = "--app-dir src " if source.path.parts[0] == "src" else ""
            parts = source.path.with_suffix("").parts
            module = ".".join(parts[1:] if root else parts)
            return f"{uvicorn} {root}{module}:{name} --port {{port}} --log-level warning", None
    for source in users:
        if _is_program(source):
            python = _tool(folder, "python")
            return f"{python} {source.path}", _port(source)
    return "", None


def _tool(folder: Path, name: str) -> str:
    """A program of the folder's own environment, where it has one."""
    for place in (".venv", "venv"):
        if (folder / place / "bin" / name).exists():
            return f"{place}/bin/{name}"
    has_only_python3 = name == "python" and not which("python") and which("python3")
    return "python3" if has_only_python3 else name


def _sources(folder: Path) -> Iterator[Source]:
    """The files of Python that may be a server's, the nearest first."""
    number = 0
    for place, folders, names in os.walk(folder):
        here = Path(place)
        depth = len(here.relative_to(folder).parts)
        folders[:] = sorted(
            name
            for name in folders
            if depth < 4
            and not name.startswith(".")
            and name not in _SKIPPED
            and not (here / name / "pyvenv.cfg").exists()
        )
        for name in sorted(names):
            path = here / name
            if path.suffix != ".py" or path.is_symlink() or path.stat().st_size > MAX_BYTES:
                continue
            number += 1
            if number > MAX_FILES:
                return
            source = _source(path, PurePosixPath(path.relative_to(folder).as_posix()))
            if source is not None:
                yield source


def _source(path: Path, name: PurePosixPath) -> Source | None:
    try:
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text)
    except (OSError, ValueError, SyntaxError, RecursionError):
        return None
    return Source(name, text, tree, frozenset(_imports(tree)))


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def _dependencies(folder: Path) -> set[str]:
    """The packages that pyproject.toml and requirements files name."""
    lines: list[str] = []
    for path in sorted(folder.glob("requirements*.txt")):
        lines += _read(path).splitlines()
    try:
        project: Any = tomllib.loads(_read(folder / "pyproject.toml"))
    except ValueError:
        project = {}
    table = project.get("project", {})
    lines += table.get("dependencies", [])
    for extra in table.get("optional-dependencies", {}).values():
        lines += extra
    lines += project.get("tool", {}).get("poetry", {}).get("dependencies", {})
    names = (re.match(r"[A-Za-z0-9._-]+", str(line).strip()) for line in lines)
    return {re.sub(r"[-_.]+", "-", name[0]).lower() for name in names if name}


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield node


def _called(call: ast.Call) -> str:
    """The last part of the name that is called."""
    function = call.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _application(tree: ast.Module, classes: tuple[str, ...]) -> str:
    """The name of a top-level application of one of these classes; the last one wraps the rest."""
    names = [
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Call)
        and _called(node.value) in classes
        for target in node.targets
        if isinstance(target, ast.Name)
    ]
    return names[-1] if names else ""


def _socket_paths(tree: ast.Module) -> Iterator[str]:
    """The addresses of WebSockets, with a value for each parameter."""
    for call in _calls(tree):
        words = [part.value for part in call.args if isinstance(part, ast.Constant)]
        text = words[0] if words and isinstance(words[0], str) else None
        if text is None:
            continue
        reader = _PATH_READERS.get(_called(call))
        if reader is not None and _is_for_sockets(call):
            yield reader(text)


def _is_for_sockets(call: ast.Call) -> bool:
    """Whether a route leads to a WebSocket; what only `get` says may be a page."""
    if _called(call) in ("websocket", "websocket_route", "WebSocketRoute"):
        return True
    handler = ast.unparse(call.args[1]).lower() if len(call.args) > 1 else ""
    words = ast.unparse(call.args[0]).lower() + handler
    return any(word in words for word in ("ws", "socket", "chat", "consumer"))


def _plain_path(text: str) -> str:
    return re.sub(r"\{[^}]*\}", "1", text)


def _django_path(text: str) -> str:
    text = re.sub(r"\(\?P<\w+>[^)]*\)|<[^>]*>", "1", text)
    return "/" + text.strip("^$").lstrip("/")


_PATH_READERS: Final[dict[str, Callable[[str], str]]] = {
    "websocket": _plain_path,
    "websocket_route": _plain_path,
    "WebSocketRoute": _plain_path,
    "add_get": _plain_path,
    "get": _plain_path,
    "path": _django_path,
    "re_path": _django_path,
}
"""What declares a route, and how its address is read."""


def _events(tree: ast.Module) -> Iterator[str]:
    """The events that a Socket.IO server answers."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef):
            continue
        for decorator in node.decorator_list:
            call = decorator if isinstance(decorator, ast.Call) else None
            target = call.func if call else decorator
            word = target.attr if isinstance(target, ast.Attribute) else ""
            name = node.name
            if call and call.args and isinstance(call.args[0], ast.Constant):
                name = str(call.args[0].value)
            if word in ("event", "on") and name not in _LIFE_OF_A_CONNECTION:
                yield name


def _keys(tree: ast.Module) -> Iterator[str]:
    """The keys that code looks up in what it has received as JSON."""
    received = {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        and re.search(r"receive_json\(|json\.loads\(", ast.unparse(node.value))
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        key: ast.expr | None = None
        if isinstance(node, ast.Subscript):
            owner, key = node.value, node.slice
        elif isinstance(node, ast.Call) and _called(node) == "get" and node.args:
            owner, key = node.func, node.args[0]
            owner = owner.value if isinstance(owner, ast.Attribute) else owner
        if key is None or not isinstance(owner, ast.Name) or owner.id not in received:
            continue
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            yield key.value


def _is_program(source: Source) -> bool:
    """Whether the file starts a server when Python runs it."""
    starts = {"run_app", "serve", "run", "listen", "run_forever", "run_until_complete"}
    return any(_called(call) in starts for call in _calls(source.tree))


def _port(source: Source) -> int | None:
    """The port that the code names; None where it reads one from its environment."""
    if re.search(r"['\"]PORT['\"]", source.text):
        return None
    for call in _calls(source.tree):
        if _called(call) not in ("run_app", "serve", "run", "listen"):
            continue
        values = [*call.args, *(word.value for word in call.keywords if word.arg == "port")]
        for value in values:
            if isinstance(value, ast.Constant) and isinstance(value.value, int):
                return value.value
    return 8080 if "aiohttp" in source.imports else None
