"""One file a verb. Heavy imports wait inside `run`, so that `--help` answers at once."""

from __future__ import annotations

from harness.commands import (
    bisect,
    blame,
    ci,
    compare,
    doctor,
    faults,
    graph,
    history,
    judge,
    report,
    run,
    selftest,
    serve,
)

VERBS = {
    "run": run,
    "compare": compare,
    "blame": blame,
    "bisect": bisect,
    "history": history,
    "ci": ci,
    "report": report,
    "judge": judge,
    "graph": graph,
    "faults": faults,
    "serve": serve,
    "selftest": selftest,
    "doctor": doctor,
}
