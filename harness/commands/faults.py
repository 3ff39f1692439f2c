"""`leak-harness faults`: what can be switched on in the embedded server."""

from __future__ import annotations

import argparse
import importlib.util
import json
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from harness.contracts import FaultSpec
from harness.errors import UsageError

HELP = "list the faults and look-alikes of the embedded server"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare this verb's options."""
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(options: argparse.Namespace) -> int:
    """Print the list."""
    specs = list(fault_specs().values())
    if options.json:
        print(json.dumps([asdict(spec) for spec in specs], indent=2))
    else:
        for spec in specs:
            print(f"{spec.name:20} {'innocent' if spec.innocent else 'fault':9} {spec.description}")
    return 0


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
    raise UsageError(f"there is no fault '{name}'", hint=f"choose one of: {', '.join(fault_specs())}")


def _specs_by_module() -> dict[str, list[FaultSpec]]:
    """Of modules with one fault, `SPEC`; of those with several of a kind, `SPECS`."""
    modules = {one.name: import_module(f"harness.faults.{one.name}") for one in iter_modules([str(_folder())])}
    return {
        name: [FaultSpec.from_data(data) for data in getattr(module, "SPECS", None) or [module.SPEC]]
        for name, module in modules.items()
    }


def _folder() -> Path:
    spec = importlib.util.find_spec("harness.faults")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0])
