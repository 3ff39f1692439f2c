"""Where each asyncio task was made: a few raw frames kept beside it, put into words only when somebody asks.

`create_task` of the loop classes is wrapped when their modules are imported; nothing is imported for it.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from types import CodeType
from typing import Any
from weakref import WeakKeyDictionary

LOOP_CLASSES = {"asyncio.base_events": "BaseEventLoop", "uvloop": "Loop"}
MOST_FRAMES = 12
"""Looked through for one that is not asyncio's own."""

_made: WeakKeyDictionary[Any, tuple[CodeType, int]] = WeakKeyDictionary()


def watch() -> None:
    """From now on remember where tasks are made."""
    sys.meta_path.insert(0, _Finder())
    for name in LOOP_CLASSES:
        if name in sys.modules:
            _wrap(sys.modules[name])


def site_of(task: Any) -> tuple[CodeType, int] | None:
    """The code and the line that made the task; None where that is not known."""
    return _made.get(task)


class _Finder:
    """Finds what the finders behind it find, and wraps the loop class once its module is there."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name not in LOOP_CLASSES:
            return None
        others = (finder for finder in sys.meta_path if finder is not self and hasattr(finder, "find_spec"))
        spec = next((found for finder in others if (found := finder.find_spec(name, path, target))), None)
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def load_and_wrap(module: Any) -> None:
                load(module)
                _wrap(module)

            spec.loader.exec_module = load_and_wrap  # type: ignore[method-assign]
        return spec


def _wrap(module: Any) -> None:
    loop_class = getattr(module, LOOP_CLASSES[module.__name__], None)
    create = getattr(loop_class, "create_task", None)
    if create is None:
        return

    def create_task(*args: Any, **kwargs: Any) -> Any:
        task = create(*args, **kwargs)
        with suppress(Exception):  # the server's task is made, whatever becomes of our note
            _remember(task)
        return task

    loop_class.create_task = create_task  # type: ignore[union-attr]


def _remember(task: Any) -> None:
    frame = sys._getframe(2)
    for _ in range(MOST_FRAMES):
        if "/asyncio/" not in frame.f_code.co_filename or frame.f_back is None:
            break
        frame = frame.f_back
    _made[task] = (frame.f_code, frame.f_lineno)
