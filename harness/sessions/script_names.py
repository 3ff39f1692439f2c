"""What a script asks of its session, read off its code before it runs."""

from __future__ import annotations

import dis
import sys
from collections.abc import Iterator
from types import CodeType


def all_names(code: CodeType) -> Iterator[str]:
    """Every global and attribute name in a function and in those that it defines."""
    yield from code.co_names
    for inner in _inner(code):
        yield from all_names(inner)


def methods_called(code: CodeType, variable: str) -> Iterator[str]:
    """Names of the methods that a function, or one that it defines, calls on a variable.

    A name that is looked up in another way, as in `act = session.chat`, is not seen. Nor is
    anything on an interpreter whose instructions have other names.
    """
    before: dis.Instruction | None = None
    for instruction in dis.get_instructions(code):
        if before is not None and _is_method(instruction) and _puts_on_top(before, variable):
            yield str(instruction.argval)
        before = instruction
    for inner in _inner(code):
        yield from methods_called(inner, variable)


def _inner(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant


def _is_method(instruction: dis.Instruction) -> bool:
    """Whether it loads an attribute to call it."""
    if sys.version_info < (3, 12):
        return instruction.opname == "LOAD_METHOD"
    # The lowest bit of the argument says that a call follows.
    return instruction.opname == "LOAD_ATTR" and bool((instruction.arg or 0) & 1)


def _puts_on_top(instruction: dis.Instruction, variable: str) -> bool:
    """Whether it leaves that variable on top of the stack."""
    if not instruction.opname.startswith(("LOAD_FAST", "LOAD_DEREF")):
        return False
    loaded = instruction.argval  # a tuple where one instruction loads two variables
    name: object = loaded[-1] if isinstance(loaded, tuple) else loaded
    return name == variable
