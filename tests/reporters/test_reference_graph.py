"""The graph of references: read from DOT, drawn by Graphviz or by ourselves."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from harness.experiment import graphviz
from harness.reporters.reference_graph import Link, read, svg

DOT = r"""digraph ObjectGraph {
  node[shape=box, style=filled, fillcolor=white];
  n0[fontcolor=red];
  n0[label="app.Room"];
  n0[fillcolor="0.6,0.6,1"];
  n1 -> n0 [label="['a \"b\" <c>']"];
  n1[label="dict\n3 entries"];
  n1[fillcolor="0.6,0.6,0.9"];
  n2 -> n1 [label=".rooms"];
  n2[label="module app"];
  n2[fillcolor="0.3,1,0.9"];
  n0 -> n2;
  too_many_n1->n1[color=red,style=dotted,len=0.25,weight=10];
  too_many_n1[label="5 more backreferences",shape=box];
}
"""


def test_nodes_links_and_the_marked_chain_are_read() -> None:
    read_graph = read(DOT)
    assert [node.label for node in read_graph.nodes[:2]] == ["app.Room", "dict\n3 entries"]
    assert [node.name for node in read_graph.nodes if node.is_marked] == ["n0", "n1"]
    assert read_graph.links[0] == Link("n1", "n0", """['a "b" <c>']""")


@pytest.mark.parametrize("draw", [svg, graphviz.draw])
def test_a_drawing_is_whole_xml_with_every_label(draw: object) -> None:
    assert callable(draw)
    drawing = draw(DOT)
    text = "".join(ElementTree.fromstring(drawing).itertext())
    for label in ("app.Room", "3 entries", "module app", "5 more backreferences", "<c>"):
        assert label in text


def test_it_is_drawn_where_graphviz_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert graphviz.draw(DOT).startswith("<svg")


def test_text_that_holds_no_graph_draws_nothing() -> None:
    assert graphviz.draw("") == svg("no graph") == ""
