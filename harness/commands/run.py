"""`leak-harness run`: sessions against a server, measured, judged, reported."""

from __future__ import annotations

import argparse
import sys
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Final

from ..errors import GIT_SKIPPED, ExitStatus, ReportsIncomplete, ServerError
from ._run_options import STATUSES, add_run_options, asked, tell

if TYPE_CHECKING:
    from ..experiment.options import RunOptions
    from ..verdict.outcome import Verdict

HELP: Final = "Drive sessions against a server, measure it, and decide: leak, flat or inconclusive."
EXAMPLES: Final = f"""\
examples:
  leak-harness run --fault untracked-task
  leak-harness run visit.py --serve "uvicorn app:app --port {{port}}"
  leak-harness run visit.py --pid 4711 --url ws://127.0.0.1:8000/ws --limit 4KiB

{STATUSES}"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """All options of a run."""
    add_run_options(parser)
    parser.epilog = EXAMPLES


def run(options: argparse.Namespace) -> int:
    """Run, and return the status of the verdict."""
    return run_with(asked(options))


def run_with(options: RunOptions) -> int:
    """Run, print the result, and return the status of the verdict.

    With `--bisect-status` it is the status that `git bisect run` understands.
    """
    if not options.output.bisect_status:
        verdict = _verdict(options)
        return ExitStatus.FLAT if verdict is None else verdict.exit_status
    from ..across_runs.bisection import Answer, answer_of

    try:
        verdict = _verdict(options)
    except ServerError as error:
        tell(f"leak-harness: {error}")
        return GIT_SKIPPED
    if verdict is None or verdict.name == "interrupted":
        return ExitStatus.FLAT if verdict is None else verdict.exit_status
    answer = answer_of(verdict, options.policy.only)
    tell(f"bisect: {answer}")
    statuses = {Answer.GOOD: ExitStatus.FLAT, Answer.BAD: ExitStatus.LEAK}
    return statuses.get(answer, GIT_SKIPPED)


def _verdict(options: RunOptions) -> Verdict | None:
    """The verdict of a run whose results are printed; None of one session that went well."""
    from ..experiment import one_session, runs
    from ..experiment.exports import export
    from ..experiment.plan import plan_of
    from ..experiment.reports import RESULT
    from ._terminal import ProgressLine, report_text

    trace = one_session.tracer(tell) if options.load.trace else None
    if options.load.once:
        print(one_session.run_once(plan_of(options, trace=trace), tell))
        return None
    # What the script prints is not a result.
    with redirect_stdout(sys.stderr), ProgressLine() as line:
        done = runs.run(options, announce=line.announce, tell=tell, trace=trace)
    for name, why in done.unwritten.items():
        tell(f"leak-harness: {name} is missing: {why}")
    export(done.folder / RESULT, options.output, tell)
    if options.output.json:
        print((done.folder / RESULT).read_text(encoding="utf-8"), end="")
    else:
        print(report_text(done.record, done.verdict, done.folder), end="")
    for incident in done.record.incidents:
        tell(f"leak-harness: {incident.what}")
    if done.unwritten:
        raise ReportsIncomplete(
            f"the result is in {done.folder / RESULT}; not written: {', '.join(done.unwritten)}"
        )
    return done.verdict
