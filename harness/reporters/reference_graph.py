"""What refers to an object: read from text in DOT, and drawn as SVG in rows.

The probe wrote the text inside the server. It is read here into nodes and links, and nothing else
of it is used. `written` gives it back for Graphviz, which draws better where it is installed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from ..record.record import Cause, RunRecord
from ..verdict.outcome import Finding

_NAME: Final = r"((?:too_many_)?n\d+)"
_TEXT: Final = r'"((?:[^"\\]|\\.)*)"'
_NODE: Final = re.compile(rf"^\s*{_NAME}\[label={_TEXT}")
_LINK: Final = re.compile(rf"^\s*{_NAME}\s*->\s*{_NAME}(?:\s*\[label={_TEXT})?")
_FILL: Final = re.compile(rf'^\s*{_NAME}\[fillcolor="0\.6,')
"""The colour that objgraph gives to what is marked."""
_MARKED: Final = "#f7c9a8"
_PLAIN: Final = "#ffffff"
_STRONG: Final = "#c2410c"
_WEAK: Final = "#888888"
_ROW_PX: Final = 96
_GAP_PX: Final = 16
_BOX_PX: Final = 44
_CHAR_PX: Final = 7.2
_EDGE_PX: Final = 12


@dataclass(frozen=True, slots=True)
class Node:
    """One object of the graph."""

    name: str
    label: str
    """Lines are parted by a line feed."""
    is_marked: bool
    """It is part of the chain that keeps the target alive."""


@dataclass(frozen=True, slots=True)
class Link:
    """One reference."""

    source: str
    target: str
    label: str


@dataclass(frozen=True, slots=True)
class Graph:
    """Objects and their references; the first node is the target, which all others lead to."""

    nodes: tuple[Node, ...]
    links: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class _Box:
    x: float
    y: float
    width: float


def graph_of(record: RunRecord, finding: Finding) -> str:
    """The graph of a finding, in DOT; empty where none was drawn."""
    causes = [cause for cause in record.causes.values() if cause.graph]
    return next((cause.graph for cause in causes if _is_of(cause, finding)), "")


def _is_of(cause: Cause, finding: Finding) -> bool:
    return cause.chain == finding.chain and cause.made_at == finding.created_at


def svg(dot: str) -> str:
    """The graph as an SVG element, in our own drawing; empty where the text holds no graph."""
    graph = read(dot)
    return layered(graph) if graph.nodes else ""


def read(dot: str) -> Graph:
    """The nodes and links that a text in DOT names."""
    labels: dict[str, str] = {}
    marked: set[str] = set()
    links: list[Link] = []
    for line in dot.splitlines():
        if link := _LINK.match(line):
            links.append(Link(link[1], link[2], _plain(link[3] or "")))
        elif node := _NODE.match(line):
            labels[node[1]] = _plain(node[2])
        elif fill := _FILL.match(line):
            marked.add(fill[1])
    nodes = tuple(Node(name, label, name in marked) for name, label in labels.items())
    known = [link for link in links if link.source in labels and link.target in labels]
    return Graph(nodes, tuple(known))


def _plain(text: str) -> str:
    unescaped = {"\\n": "\n", '\\"': '"', "\\\\": "\\"}
    return re.sub(r"\\.", lambda part: unescaped.get(part[0], part[0][1:]), text)


def written(graph: Graph) -> str:
    """The graph in DOT for Graphviz, with the chain in colour."""
    marked = {node.name for node in graph.nodes if node.is_marked}
    lines = ["digraph references {", 'node [shape=box, style=filled, fontname="sans-serif"];']
    lines.append('edge [fontname="sans-serif", fontsize=10];')
    for node in graph.nodes:
        color = _MARKED if node.is_marked else _PLAIN
        lines.append(f'{node.name} [label="{_quoted(node.label)}", fillcolor="{color}"];')
    for link in graph.links:
        is_strong = {link.source, link.target} <= marked
        look = f'color="{_STRONG}", penwidth=2' if is_strong else f'color="{_WEAK}"'
        lines.append(f'{link.source} -> {link.target} [label="{_quoted(link.label)}", {look}];')
    return "\n".join([*lines, "}"])


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def layered(graph: Graph) -> str:
    """Drawn in rows: the target in the last, and above each object what refers to it."""
    rows = _rows(graph)
    boxes = _boxes(rows)
    width = max(box.x + box.width for box in boxes.values()) + _EDGE_PX
    height = (len(rows) - 1) * _ROW_PX + _BOX_PX + 2 * _EDGE_PX
    marked = {node.name for node in graph.nodes if node.is_marked}
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" font-family="sans-serif" font-size="12">'
    ]
    parts += [
        _drawn_link(link, boxes, is_strong={link.source, link.target} <= marked)
        for link in graph.links
    ]
    parts += [_drawn_node(node, boxes[node.name]) for node in graph.nodes]
    return "".join([*parts, "</svg>"])


def _rows(graph: Graph) -> list[list[Node]]:
    """Nodes by their distance from the target, the farthest first."""
    distance = {graph.nodes[0].name: 0}
    waiting = [graph.nodes[0].name]
    for name in waiting:
        for link in graph.links:
            if link.target == name and link.source not in distance:
                distance[link.source] = distance[name] + 1
                waiting.append(link.source)
    rows: list[list[Node]] = [[] for _ in range(max(distance.values()) + 1)]
    for node in graph.nodes:
        rows[distance.get(node.name, 0)].append(node)
    return rows[::-1]


def _boxes(rows: Sequence[Sequence[Node]]) -> dict[str, _Box]:
    boxes: dict[str, _Box] = {}
    for number, row in enumerate(rows):
        x = float(_EDGE_PX)
        for node in row:
            longest = max(len(line) for line in node.label.split("\n"))
            boxes[node.name] = _Box(x, number * _ROW_PX + _EDGE_PX, longest * _CHAR_PX + 16)
            x += boxes[node.name].width + _GAP_PX
    return boxes


def _drawn_node(node: Node, box: _Box) -> str:
    color = _MARKED if node.is_marked else _PLAIN
    lines = "".join(
        f'<text x="{box.x + 8:.0f}" y="{box.y + 18 + 16 * number:.0f}">{escape(line)}</text>'
        for number, line in enumerate(node.label.split("\n"))
    )
    return (
        f'<rect x="{box.x:.0f}" y="{box.y:.0f}" width="{box.width:.0f}" height="{_BOX_PX}" '
        f'rx="4" fill="{color}" stroke="#444"/>{lines}'
    )


def _drawn_link(link: Link, boxes: dict[str, _Box], *, is_strong: bool) -> str:
    source, target = boxes[link.source], boxes[link.target]
    x1, y1 = source.x + source.width / 2, source.y + _BOX_PX
    x2, y2 = target.x + target.width / 2, target.y
    color, width = (_STRONG, 2) if is_strong else (_WEAK, 1)
    return (
        f'<line x1="{x1:.0f}" y1="{y1:.0f}" x2="{x2:.0f}" y2="{y2:.0f}" stroke="{color}" '
        f'stroke-width="{width}"/><text x="{(x1 + x2) / 2 + 4:.0f}" y="{(y1 + y2) / 2:.0f}" '
        f'font-size="10" fill="{color}">{escape(link.label)}</text>'
    )
