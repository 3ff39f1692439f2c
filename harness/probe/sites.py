"""Where each asyncio task was made: kept raw beside it, put into words only when somebody asks.

`create_task` of the loop classes is wrapped when their modules are imported; nothing is imported for it.
"""

from __future__ import annotations

import sys
from types import CodeType
from typing import Any
from weakref import ref

LOOP_CLASSES = {"asyncio.base_events": "BaseEventLoop", "uvloop": "Loop"}
MOST_FRAMES = 12
"""Looked through for one that is not asyncio's own."""

_made: dict[ref[Any], tuple[CodeType, int]] = {}
"""By task, the code that made it and the place in its bytecode: to look up the line may cost as much as the task."""
_forget = _made.pop
"""What a dying task calls: no Python code runs for it, as it would in a WeakKeyDictionary."""


def watch() -> None:
    """From now on remember where tasks are made."""
    sys.meta_path.insert(0, _Finder())
    for name in LOOP_CLASSES:
        if name in sys.modules:
            _wrap(sys.modules[name])


def site_of(task: Any) -> tuple[CodeType, int] | None:
    """The code and the line that made the task; None where that is not known."""
    code, instruction = _made.get(ref(task), (None, 0))
    return (code, _line(code, instruction)) if code else None


def _line(code: CodeType, instruction: int) -> int:
    from dis import findlinestarts  # noqa: PLC0415 - only when somebody asks

    before = [line for start, line in findlinestarts(code) if line and start <= instruction]
    return before[-1] if before else code.co_firstlineno


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
        try:
            frame = sys._getframe(1)
            for _ in range(MOST_FRAMES):
                if "/asyncio/" not in frame.f_code.co_filename or frame.f_back is None:
                    break
                frame = frame.f_back
            _made[ref(task, _forget)] = (frame.f_code, frame.f_lasti)
        except Exception:  # noqa: BLE001 - the server's task is made, whatever becomes of our note
            pass
        return task

    loop_class.create_task = create_task  # type: ignore[union-attr]
