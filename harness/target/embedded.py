"""The embedded chat server as the harness sees it: how it is started, and which faults it has."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterable
from dataclasses import MISSING, dataclass, fields
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Final

import msgspec

from ..errors import FaultInvalid, UsageError
from ..units import format_size, parse_size

_FAULTS: Final = "..demo.faults"
"""The folder of the faults, as this package names it."""


@dataclass(frozen=True, slots=True)
class FaultSpec:
    """A switchable fault or innocent look-alike of the embedded server, and what a run must say
    of it.
    """

    name: str
    """The name that `--fault` takes."""
    description: str
    """One line for `leak-harness faults`."""
    scenario: str
    """The name of the scenario that shows it."""
    options: tuple[str, ...]
    """The options of `run` that it needs."""
    verdict: str
    innocent: bool = False
    """Whether it is a look-alike: something that grows, and stops."""
    argument: str = ""
    """What its module's `install` is given, where one module has several faults."""
    kind: str | None = None
    """Of the memory gate; None where any is right."""
    gate: str | None = None
    """The gate that sees it."""
    finding: str | None = None
    """Kind of the first finding."""
    type: str | None = None
    """What the first finding names."""
    file: str | None = None
    """Where the cause is."""
    function: str | None = None
    """The function of that file which leaks."""
    action: str | None = None
    """The user's action that triggers it."""

    @classmethod
    def from_data(cls, data: object, file: str = "SPEC") -> FaultSpec:
        """The plain dict of a fault's file, checked.

        Args:
            data: its `SPEC`, or one of its `SPECS`.
            file: what an error names.

        Raises:
            FaultInvalid: a key is unknown or missing, or a value has the wrong type.
        """
        if not isinstance(data, dict):
            raise FaultInvalid(f"{file}: SPEC is {type(data).__name__}, and must be a dict")
        keys = [field.name for field in fields(cls)]
        for key in data:
            if key not in keys:
                close = get_close_matches(str(key), keys, n=1)
                raise FaultInvalid(
                    f"{file}: SPEC has the unknown key '{key}'",
                    why=f"did you mean '{close[0]}'?" if close else "",
                    hint=f"the keys are: {', '.join(keys)}",
                )
        for field in fields(cls):
            if field.default is MISSING and field.name not in data:
                raise FaultInvalid(
                    f"{file}: SPEC lacks the key '{field.name}'",
                    hint="copy SPEC from a fault that is there, such as pending_task.py",
                )
        try:
            return msgspec.convert(data, cls)
        except msgspec.ValidationError as error:
            raise FaultInvalid(f"{file}: SPEC has a value of the wrong type: {error}") from error


def embedded_command(port: str, agent_size_bytes: int, faults: Iterable[str]) -> list[str]:
    """The command line of the embedded server.

    Raises:
        UsageError: there is no such fault.
    """
    main_file = Path(__file__).parents[1] / "demo" / "chat_server"
    size = format_size(agent_size_bytes)
    if parse_size(size) != agent_size_bytes:
        size = str(agent_size_bytes)
    command = [sys.executable, str(main_file), "--port", port, "--agent-size", size]
    for name in faults:
        command += ["--fault", fault_word(name)]
    return command


def fault_specs() -> dict[str, FaultSpec]:
    """Every fault and look-alike by its name.

    Raises:
        FaultInvalid: a file of the folder is not a fault, or two have one name.
    """
    specs: dict[str, FaultSpec] = {}
    for file, of_file in _specs_by_file().items():
        for spec in of_file:
            if spec.name in specs:
                raise FaultInvalid(f"{file}: another file has a fault named '{spec.name}', too")
            specs[spec.name] = spec
    return specs


def fault_word(name: str) -> str:
    """How the chat server is told of a fault: its file, with the argument where it takes one.

    Raises:
        UsageError: there is no such fault.
    """
    for file, specs in _specs_by_file().items():
        for spec in specs:
            if spec.name == name:
                return f"{file}={spec.argument}" if spec.argument else str(file)
    raise UsageError(
        f"there is no fault '{name}'", hint=f"choose one of: {', '.join(fault_specs())}"
    )


def _specs_by_file() -> dict[Path, list[FaultSpec]]:
    """What each file of the folder says of itself, in the order of their names."""
    names = sorted(module.name for module in iter_modules([str(_folder())]))
    return {_folder() / f"{name}.py": _specs_of(name) for name in names}


def _specs_of(name: str) -> list[FaultSpec]:
    """Of a module with one fault, `SPEC`; of one with several, `SPECS`."""
    file = f"{name}.py"
    try:
        module = import_module(f"{_FAULTS}.{name}", __package__)
    except Exception as error:
        raise FaultInvalid(
            f"{file}: the fault cannot be loaded: {type(error).__name__}: {error}"
        ) from error
    data = getattr(module, "SPECS", None) or [getattr(module, "SPEC", None)]
    if data == [None] or not callable(getattr(module, "install", None)):
        raise FaultInvalid(
            f"{file}: a fault needs SPEC, a dict, and install(hooks), a function",
            hint="copy a fault that is there, such as pending_task.py",
        )
    return [FaultSpec.from_data(spec, file) for spec in data]


def _folder() -> Path:
    spec = importlib.util.find_spec(_FAULTS, __package__)
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0])
