"""The two names of the package, `leak_harness` and `harness`: one set of modules has both.

`leak_harness` is its own. `harness` is the name of its folder in a checkout. Elsewhere it is an
alias where it is free: a project with a `harness` of its own keeps that.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Final

OWN: Final = "leak_harness"
FOLDER: Final = "harness"
_PACKAGE: Final = __name__.partition(".")[0]
"""The name under which this process has loaded the package: the first that was asked for."""
_INIT: Final = Path(__file__).resolve().with_name("__init__.py")


class _SameModule(Loader):
    """Gives the module that is there under the other name."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._spec: ModuleSpec | None = None

    def create_module(self, spec: ModuleSpec) -> ModuleType:  # noqa: ARG002
        module = import_module(self._name)
        self._spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Undo that importlib has given it the spec of the alias: its code has run already."""
        module.__spec__ = self._spec


class _Alias(MetaPathFinder):
    """Finds the modules of the package under its other name."""

    def __init__(self, alias: str) -> None:
        self._alias = alias

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        top, _, rest = fullname.partition(".")
        if top != self._alias:
            return None
        package = sys.modules[_PACKAGE]
        is_ours = sys.modules.get(top) is package if rest else self._is_ours(path, target)
        if not is_ours:
            return None
        name = f"{_PACKAGE}.{rest}" if rest else _PACKAGE
        if rest and find_spec(name) is None:
            return None
        return ModuleSpec(fullname, _SameModule(name), is_package=not rest)

    def _is_ours(self, path: Sequence[str] | None, target: ModuleType | None) -> bool:
        """Whether nobody else has a package of this name."""
        if self._alias == OWN:
            return True
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(self._alias, path, target)
            if spec is not None:
                return spec.origin is not None and Path(spec.origin).resolve() == _INIT
        return True


def answer_to_both_names() -> None:
    """Let `import` find the package by its other name from now on."""
    sys.meta_path.insert(0, _Alias(FOLDER if _PACKAGE == OWN else OWN))
