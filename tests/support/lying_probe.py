"""A server that speaks with the harness itself, in the place of a probe, and lies."""

from __future__ import annotations

import sys
from pathlib import Path

from server_scripts import ECHO, HEAD

PROBE = (Path(__file__).parents[1] / "servers" / "lying.py").read_text(encoding="utf-8")


def lying(folder: Path, lies: dict[str, object], handler: str = ECHO) -> str:
    """The command of a server whose probe answers with these lies, by request."""
    path = folder / "lying_server.py"
    path.write_text(f"{PROBE}\nstart({lies!r})\n{HEAD}\n{handler}\nasyncio.run(main())\n")
    return f"{sys.executable} -E {path}"  # without PYTHONPATH: no probe of ours
