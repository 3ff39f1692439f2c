"""The embedded chat server as the harness sees it: how it is started, and which faults it has."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

from harness.errors import UsageError
from harness.units import format_size, parse_size


@dataclass(frozen=True, slots=True)
class FaultSpec:
    """What a switchable fault or innocent look-alike of the embedded server is, and what the
    harness must say of it.
    """

    name: str
    description: str
    scenario: str
    """The scenario that shows it, and the options of `run` it needs."""
    options: tuple[str, ...]
    verdict: str
    innocent: bool = False
    argument: str = ""
    """What its module's `install` is given, where one module has several of its kind."""
    kind: str | None = None
    gate: str | None = None
    """The gate that sees it."""
    finding: str | None = None
    """Kind of the first finding, and what it names."""
    type: str | None = None
    file: str | None = None
    """Where the cause is: file and function, and the action that triggers it."""
    function: str | None = None
    action: str | None = None

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> FaultSpec:
        """A fault module's plain `SPEC`."""
        return cls(**{**data, "options": tuple(data["options"])})


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
    """Every fault and look-alike by its name."""
    return {spec.name: spec for specs in _specs_by_module().values() for spec in specs}


def fault_word(name: str) -> str:
    """What the chat server is told: the module's file, with the argument where it takes one.

    Raises:
        UsageError: there is no such fault.
    """
    for module, specs in _specs_by_module().items():
        for spec in specs:
            if spec.name == name:
                path = _folder() / f"{module}.py"
                return f"{path}={spec.argument}" if spec.argument else str(path)
    raise UsageError(
        f"there is no fault '{name}'", hint=f"choose one of: {', '.join(fault_specs())}"
    )


def _specs_by_module() -> dict[str, list[FaultSpec]]:
    """Of modules with one fault, `SPEC`; of those with several of a kind, `SPECS`."""
    modules = {
        one.name: import_module(f"harness.demo.faults.{one.name}")
        for one in iter_modules([str(_folder())])
    }
    return {
        name: [
            FaultSpec.from_data(data) for data in getattr(module, "SPECS", None) or [module.SPEC]
        ]
        for name, module in modules.items()
    }


def _folder() -> Path:
    spec = importlib.util.find_spec("harness.demo.faults")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0])
