"""`leak_harness` in a checkout: the folder `harness`, under the name that the wheel gives it."""

import sys
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness import *  # noqa: F403 - for type checkers

_FOLDER = Path(__file__).with_name("harness")
_spec = spec_from_file_location(
    "leak_harness", _FOLDER / "__init__.py", submodule_search_locations=[str(_FOLDER)]
)
assert _spec is not None
assert _spec.loader is not None
sys.modules["leak_harness"] = module_from_spec(_spec)
_spec.loader.exec_module(sys.modules["leak_harness"])

if __name__ == "__main__":
    sys.exit(import_module("leak_harness.cli").main())
