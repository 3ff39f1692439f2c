"""Methods of other people's classes, wrapped when the modules of these are imported; nothing is
imported for it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any

Wrap = Callable[[Any], Any]
"""From a method to what stands in its place."""


def watch(methods: Iterable[tuple[str, str, str, Wrap]]) -> None:
    """Wrap methods, now or when their modules come. Each is named by module, class and name."""
    by_module: dict[str, list[tuple[str, str, Wrap]]] = {}
    for module, kind, name, wrap in methods:
        by_module.setdefault(module, []).append((kind, name, wrap))
    sys.meta_path.insert(0, _Finder(by_module))
    for name, here in by_module.items():
        if name in sys.modules:
            _wrap(sys.modules[name], here)


class _Finder:
    """Finds what the finders behind it find, and wraps the methods once their module is there."""

    def __init__(self, methods: dict[str, list[tuple[str, str, Wrap]]]) -> None:
        self._methods = methods

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name not in self._methods:
            return None
        others = (
            finder
            for finder in sys.meta_path
            if finder is not self and hasattr(finder, "find_spec")
        )
        spec = next(
            (candidate for finder in others if (candidate := finder.find_spec(name, path, target))),
            None,
        )
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def load_and_wrap(module: Any) -> None:
                load(module)
                _wrap(module, self._methods[name])

            spec.loader.exec_module = load_and_wrap  # type: ignore[method-assign]
        return spec


def _wrap(module: object, methods: Iterable[tuple[str, str, Wrap]]) -> None:
    for kind, name, wrap in methods:
        owner = getattr(module, kind, None)
        method = getattr(owner, name, None)
        if method is not None:
            setattr(owner, name, wrap(method))
