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
    """Every fault by its name."""
    found = [import_module(f"harness.faults.{name}").SPEC for name in _module_names()]
    return {spec.name: spec for spec in map(FaultSpec.from_data, found)}


def fault_path(name: str) -> Path:
    """The module's file.

    Raises:
        UsageError: there is no such fault.
    """
    module = name.replace("-", "_")
    if module not in _module_names():
        raise UsageError(f"there is no fault '{name}'", hint=f"choose one of: {', '.join(fault_specs())}")
    return _folder() / f"{module}.py"


def _folder() -> Path:
    spec = importlib.util.find_spec("harness.faults")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0])


def _module_names() -> list[str]:
    return [module.name for module in iter_modules([str(_folder())])]
