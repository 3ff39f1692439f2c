"""`leak-harness graph`: draw what refers to the objects of a finding."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..errors import UsageError

HELP = "Draw what keeps the objects of a finding alive, as SVG."


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare this verb's options."""
    parser.add_argument("run", metavar="RUN", type=Path, help="A run folder, or its run.jsonl.")
    parser.add_argument(
        "fingerprint",
        metavar="FINGERPRINT",
        help="The fingerprint of the finding. Its first digits are enough.",
    )
    parser.add_argument(
        "-o",
        "--out",
        metavar="FILE",
        type=Path,
        default=Path("graph.svg"),
        help="The file for the graph. (default: %(default)s)",
    )


def run(options: argparse.Namespace) -> int:
    """Write the graph of one finding; 0 once it is there.

    Raises:
        UsageError: the run has no such finding, or no graph of it.
        RecordError: the record cannot be read.
    """
    from ..experiment.graphviz import draw
    from ..record.store import load_record, write_whole
    from ..reporters.reference_graph import graph_of
    from ..verdict.judge import judge

    record = load_record(options.run)
    verdict = judge(record).verdict
    findings = (*verdict.findings, *verdict.unshown)
    finding = next((f for f in findings if f.fingerprint.startswith(options.fingerprint)), None)
    if finding is None:
        drawn = [f.fingerprint for f in findings if graph_of(record, f)]
        raise UsageError(
            f"{options.run} has no finding {options.fingerprint}",
            hint=f"findings with a graph: {', '.join(drawn) or 'none'}",
        )
    drawing = draw(graph_of(record, finding))
    if not drawing:
        raise UsageError(
            f"finding {options.fingerprint} has no graph",
            hint="graphs are drawn for the three worst objects and containers of a run with the "
            "probe",
        )
    print(f"graph: {write_whole(options.out, drawing.encode())}")
    return 0
