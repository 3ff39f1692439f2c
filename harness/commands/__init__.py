"""One file a verb. Heavy imports wait inside `run`, so that `--help` answers at once."""

from __future__ import annotations

from harness.commands import faults, report, run, selftest, serve

VERBS = {"run": run, "report": report, "faults": faults, "serve": serve, "selftest": selftest}
