"""Graphviz draws graphs of references where it is installed."""

from __future__ import annotations

import shutil
import subprocess
from typing import Final

from ..reporters.reference_graph import read, svg, written

GRAPHVIZ_LIMIT_S: Final = 10.0


def draw(dot: str) -> str:
    """A graph as an SVG element: by Graphviz where it is installed, else in our own rows; empty
    where the text holds no graph.
    """
    graph = read(dot)
    return (by_graphviz(written(graph)) or svg(dot)) if graph.nodes else ""


def by_graphviz(dot: str) -> str:
    """Drawn by `dot`; empty where that is not installed, or fails."""
    program = shutil.which("dot")
    if program is None:
        return ""
    try:
        drawn = subprocess.run(
            [program, "-Tsvg"],
            input=dot,
            capture_output=True,
            text=True,
            timeout=GRAPHVIZ_LIMIT_S,
            check=True,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
    return drawn[drawn.find("<svg") :] if "<svg" in drawn else ""
