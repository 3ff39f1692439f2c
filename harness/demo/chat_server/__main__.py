"""Start the chat server, as a module or by path."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

FOLDER = Path(__file__).resolve().parent


def _main() -> Callable[[], int]:
    if __package__:
        from .arguments import main  # noqa: PLC0415 - the other branch has no package to import from

        return main
    # Started by path: this folder heads sys.path, where its file names would shadow other packages'
    # modules.
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != FOLDER]
    spec = spec_from_file_location(
        "chat_server", FOLDER / "__init__.py", submodule_search_locations=[str(FOLDER)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{FOLDER} holds no package")
    package = sys.modules["chat_server"] = module_from_spec(spec)
    spec.loader.exec_module(package)
    loaded: Callable[[], int] = importlib.import_module("chat_server.arguments").main
    return loaded


if __name__ == "__main__":
    sys.exit(_main()())
