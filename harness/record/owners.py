"""Whose code a file is, by its path. The probe has a rule of its own: inside the server it also
knows which package is the program.
"""

from __future__ import annotations

_LIBRARIES = ("/site-packages/", "/dist-packages/")


def owner_of_file(file: str) -> str:
    """`application`, `dependency` or `interpreter`.

    Args:
        file: a path; a line number after it does no harm. Frozen modules are `<frozen NAME>`.
    """
    if any(part in file for part in _LIBRARIES):
        return "dependency"
    if "/lib/python" in file or file.startswith("<"):
        return "interpreter"
    return "application"
