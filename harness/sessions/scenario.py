"""`@scenario` and the loading of scenario files: plain async functions that take a session."""

from __future__ import annotations

import importlib.util
import inspect
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, fields
from pathlib import Path
from types import ModuleType
from typing import Any, Final, Literal, overload

from ..errors import HarnessError, ScenarioInvalid, ScenarioNotFound
from ..exits import exits_raised
from ..streams import kept_streams
from .contract import ChatProtocol
from .limits import Limits
from .protocols import actions_of_others
from .script_errors import in_words, line_in, near, place
from .script_names import all_names, methods_called

Script = Callable[[Any], Awaitable[None]]
"""Takes the session of a protocol: `Session` of any, or that protocol's own typed one."""


PER: Final = ("session", "message")
"""What a scenario may be counted by."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One round trip of chat life, and its limits."""

    name: str
    script: Script
    connect: bool = True
    """Whether the session is connected and greeted before the script begins."""
    standing: int = 0
    """Sessions that stay connected through the whole run and only read."""
    per: Literal["session", "message"] = "session"
    """`message`: the script runs again and again on sessions that stay connected. What the record
    counts as sessions are then runs of the script.
    """
    actions: frozenset[str] = frozenset()
    """The actions that the script calls on its session."""
    protocol: type[ChatProtocol] | str | None = None
    """An adapter of the script's own, or the name of one; None: as `--protocol` says."""
    path: str | None = None
    """Where the WebSocket is, where `--url` does not say; None: the protocol's own."""
    subprotocols: tuple[str, ...] = ()
    """Offered in the handshake, where `--subprotocol` names none."""
    settle_s: float = 0.0
    """How long the server needs after sessions to let go of them, before a sample is worth
    taking.
    """
    connect_limit_s: float = 30.0
    reply_limit_s: float = 30.0
    switch_limit_s: float = 30.0
    session_limit_s: float = 120.0

    @property
    def description(self) -> str:
        """The script's docstring."""
        return (self.script.__doc__ or "").strip()

    @property
    def is_per_message(self) -> bool:
        """Whether the script runs on sessions that stay connected."""
        return self.per == "message"

    @property
    def limits(self) -> Limits:
        """The longest times of a session."""
        return Limits(
            self.connect_limit_s, self.reply_limit_s, self.switch_limit_s, self.session_limit_s
        )

    def uses(self, action: str) -> bool:
        """Whether the script, or a function in it, may use the action on any of its sessions."""
        code = getattr(self.script, "__code__", None)
        return action in self.actions or (code is not None and action in all_names(code))

    def require(self, protocol: type[ChatProtocol]) -> None:
        """Refuse a protocol that lacks an action which others have.

        A name that no protocol knows is a mistake in the script. It is told with its line when the
        script comes to it.

        Raises:
            ScenarioInvalid: the script uses an action of another protocol.
        """
        missing = sorted(self.actions & actions_of_others(protocol))
        if missing:
            raise ScenarioInvalid(
                f"scenario '{self.name}' uses {', '.join(missing)}, which protocol "
                f"'{protocol.name}' does not have",
                hint=f"that protocol has: {', '.join(sorted(protocol.actions))}; choose another "
                f"scenario or --protocol",
            )


@overload
def scenario(script: Script, /) -> Scenario: ...
@overload
def scenario(
    *,
    connect: bool = ...,
    standing: int = ...,
    per: Literal["session", "message"] = ...,
    actions: frozenset[str] | set[str] | None = ...,
    protocol: type[ChatProtocol] | str | None = ...,
    path: str | None = ...,
    subprotocols: tuple[str, ...] = ...,
    settle_s: float = ...,
    connect_limit_s: float = ...,
    reply_limit_s: float = ...,
    switch_limit_s: float = ...,
    session_limit_s: float = ...,
) -> Callable[[Script], Scenario]: ...
def scenario(
    script: Script | None = None,
    /,
    *,
    actions: frozenset[str] | set[str] | None = None,
    **settings: Any,
) -> Scenario | Callable[[Script], Scenario]:
    """Make an async function a scenario. `actions` is read from the function's code where it is
    not given.
    """
    if unknown := [name for name in settings if name not in _SETTINGS]:
        question = near(unknown[0], _SETTINGS)
        raise ScenarioInvalid(
            f"@scenario takes no '{unknown[0]}'",
            hint=question or f"it takes: {', '.join(_SETTINGS)}",
        )

    def made(function: Script) -> Scenario:
        if not inspect.iscoroutinefunction(function) and not hasattr(function, "__wrapped__"):
            raise plain_function(function)
        check_per(**settings)
        used = _actions(function)
        name = function.__name__.replace("_", "-")
        return Scenario(
            name, function, actions=used if actions is None else frozenset(actions), **settings
        )

    return made if script is None else made(script)


def check_per(per: str = "session", connect: bool = True, **_: Any) -> None:
    """Refuse what a scenario per message cannot be.

    Raises:
        ScenarioInvalid: `per` is another word, or the script connects by itself.
    """
    if per not in PER:
        raise ScenarioInvalid(
            f"@scenario(per='{per}') is not one of {', '.join(PER)}",
            hint="leave it out for sessions that end, write 'message' for one that stays connected",
        )
    if per == "message" and not connect:
        raise ScenarioInvalid(
            "@scenario(per='message', connect=False): the connection of the script has to stay",
            hint="leave connect=False out",
        )


def plain_function(script: Callable[..., Any]) -> ScenarioInvalid:
    """The error of a scenario that cannot be awaited."""
    code = inspect.unwrap(script).__code__
    where, name = place(code.co_filename, code.co_firstlineno), script.__name__
    if inspect.isasyncgenfunction(script):
        return ScenarioInvalid(
            f"{where}: the scenario '{name}' yields",
            hint="an async function without `yield` is one",
        )
    return ScenarioInvalid(
        f"{where}: the scenario '{name}' is a plain function", hint=f"write `async def {name}(...)`"
    )


def _actions(script: Script) -> frozenset[str]:
    """What it calls on its first argument, the session."""
    code = getattr(script, "__code__", None)
    if code is None or not code.co_argcount:
        return frozenset()
    return frozenset(methods_called(code, code.co_varnames[0]))


_SETTINGS: Final = (
    *(field.name for field in fields(Scenario) if field.name not in ("name", "script")),
)


def shipped_folder() -> Path:
    """Where the scenarios that come with the harness are: in the checkout, or in the installed
    package.
    """
    installed = Path(__file__).parents[1] / "shipped_scenarios"
    return installed if installed.is_dir() else Path(__file__).parents[2] / "scenarios"


def load_scenario(wanted: str) -> Scenario:
    """A file of scenarios, `file.py::name`, or the name of a shipped one.

    Raises:
        ScenarioNotFound: no such file or name.
        ScenarioInvalid: the file does not load, holds no scenario, or holds several and none is
            named.
    """
    place, _, name = wanted.partition("::")
    path = Path(place)
    if path.suffix != ".py":
        path = shipped_folder() / f"{place.replace('-', '_')}.py"
        name = name or place
    if not path.is_file():
        raise ScenarioNotFound(
            f"there is no scenario '{wanted}'",
            hint=f"give a file, file.py::name, or one of: {', '.join(sorted(_shipped_names()))}",
        )
    return _choose(
        path, name, [value for value in vars(_module(path)).values() if isinstance(value, Scenario)]
    )


def _choose(path: Path, name: str, scenarios: list[Scenario]) -> Scenario:
    if not scenarios:
        raise ScenarioInvalid(
            f"{path} holds no scenario",
            hint="put @scenario (from leak_harness) above an async function",
        )
    names = ", ".join(sorted(scenario.name for scenario in scenarios))
    if name:
        for candidate in scenarios:
            if candidate.name == name.replace("_", "-"):
                return candidate
        raise ScenarioNotFound(f"{path} holds no scenario '{name}'", hint=f"it holds: {names}")
    if len(scenarios) > 1:
        raise ScenarioInvalid(
            f"{path} holds several scenarios", hint=f"name one, as in {path}::NAME, of: {names}"
        )
    return scenarios[0]


def _shipped_names() -> Iterator[str]:
    for path in shipped_folder().glob("*.py"):
        yield path.stem.replace("_", "-")


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"_scenario_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ScenarioInvalid(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    _find_next_to(path)
    with (
        _interrupts() as interrupts,
        kept_streams(),
        redirect_stdout(sys.stderr),
        exits_raised(),
    ):
        try:
            spec.loader.exec_module(module)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt) and interrupts:
                raise
            raise _does_not_load(path, error) from error
    return module


def _find_next_to(path: Path) -> None:
    """Let the script import what lies next to it or in the current folder; last, so that nothing
    there hides a module of ours.
    """
    if path.parent == shipped_folder():
        return
    for folder in (str(path.parent.absolute()), str(Path.cwd())):
        if folder not in sys.path:
            sys.path.append(folder)


@contextmanager
def _interrupts() -> Iterator[list[int]]:
    """The signals of the user that come during the block: a file may raise KeyboardInterrupt by
    itself.
    """
    came: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield came
        return

    def interrupt(number: int, _: object) -> None:
        came.append(number)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield came
    finally:
        signal.signal(signal.SIGINT, before)


def _does_not_load(path: Path, error: BaseException) -> ScenarioInvalid:
    if (
        isinstance(error, SyntaxError)
        and error.filename
        and Path(error.filename) == path.absolute()
    ):
        where = f"{path}, line {error.lineno}"
    else:
        where = line_in(error.__traceback__, str(path.absolute())) or str(path)
    if isinstance(error, HarnessError):
        what = (
            error.what
            if error.what.startswith(where.partition(":")[0])
            else f"{where}: {error.what}"
        )
        return ScenarioInvalid(what, why=error.why, hint=error.hint)
    left = "ends the program" if isinstance(error, SystemExit) else "does not load"
    hint = "mend the file, then run again"
    if isinstance(error, SystemExit):
        hint = 'put what ends it under `if __name__ == "__main__":`'
    return ScenarioInvalid(f"{where} {left}: {in_words(error)}", hint=hint)
