"""`leak-harness faults`: what can be switched on in the embedded server."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from typing import Final

HELP: Final = "List the faults and look-alikes of the embedded server."


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare how the list is printed."""
    parser.add_argument("--json", action="store_true", help="Print the list as JSON.")


def run(options: argparse.Namespace) -> int:
    """Print the list of faults."""
    from ..target.embedded import fault_specs

    specs = list(fault_specs().values())
    if options.json:
        print(json.dumps([asdict(spec) for spec in specs], indent=2))
        return 0
    for spec in specs:
        print(f"{spec.name:20} {'innocent' if spec.innocent else 'fault':9} {spec.description}")
    return 0
