"""`leak-harness history`: memory, latency and CPU over runs, where they changed, and what is
new.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from harness.commands import run as run_verb
from harness.errors import ExitStatus, RecordError, UsageError
from harness.experiment.options import declare, revision
from harness.experiment.target_options import unless_another

if TYPE_CHECKING:
    from harness.across_runs.change_points import Change
    from harness.across_runs.history import History, HistoryRun

HELP = (
    "runs over time: where memory per session, memory at rest, latency or CPU changed; new and "
    "fixed findings"
)
LEAST: Final = {
    "growth_bytes": 512.0,
    "rest_bytes": 1024.0 * 1024,
    "reply_s": 0.005,
    "idle_cpu_percent": 1.0,
}
"""Steps that are worth telling, at least; of memory at rest and latency also a tenth of what
they were.
"""
_SHARE: Final = {"rest_bytes": 0.1, "reply_s": 0.1}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare this verb's options."""
    parser.add_argument(
        "runs", metavar="RUN", nargs="*", type=Path, help="run folders to add, or folders of such"
    )
    parser.add_argument(
        "--db",
        metavar="FILE",
        type=Path,
        default=Path("reports/history.sqlite"),
        help="(%(default)s)",
    )
    parser.add_argument("--scenario", metavar="NAME", help="runs of this one alone")
    parser.add_argument(
        "--target",
        metavar="TEXT",
        help="runs of servers with that in their command or address alone",
    )
    parser.add_argument(
        "--confirm",
        action="store_true",
        help="what the last run makes suspect: run that again, here",
    )
    parser.add_argument(
        "--out",
        metavar="DIR",
        type=Path,
        help="history.html, .md and .png go there (beside the file)",
    )
    parser.add_argument(
        "--json", action="store_true", help="on standard output, and nothing else there"
    )


def run(options: argparse.Namespace) -> int:
    """Add, look for steps, tell; 1 where the last level is confirmed to be worse than the one
    before.
    """
    from harness.across_runs.change_points import CONFIRMED
    from harness.across_runs.history import History
    from harness.record.store import made, write_whole
    from harness.reporters import history_page

    history = History(options.db)
    history.add(_entries(options.runs))
    entries, steps = _looked_at(history, options)
    for _ in range(CONFIRMED - 1 if options.confirm else 0):
        for at in sorted(
            {one.at for found in steps.values() for one in found if not one.confirmed}
        ):
            history.add(_entries([_run_again(entries[at], options.db.parent)]))
        entries, steps = _looked_at(history, options)
    folder = options.out or options.db.parent
    made(folder)
    runs = history_page.Runs(entries, steps)
    for name, draw in history_page.REPORTS.items():
        write_whole(folder / name, draw(runs))
    if options.json:
        print(json.dumps(_told(entries, steps)))
    else:
        print((folder / "history.md").read_text(encoding="utf-8"), end="")
    latest = [{entries[one.at].target: one for one in found}.values() for found in steps.values()]
    worse = any(one.confirmed and one.after > one.before for found in latest for one in found)
    return ExitStatus.LEAK if worse else ExitStatus.FLAT


def _told(entries: Sequence[HistoryRun], steps: Mapping[str, Sequence[Change]]) -> dict[str, Any]:
    """For a script: each step with its place among all runs; findings of all servers together."""
    from harness.across_runs.change_points import by_target, findings_since

    told = {
        name: [
            asdict(one) | {"revision": entries[one.at].revision, "target": entries[one.at].target}
            for one in found
        ]
        for name, found in steps.items()
    }
    findings: dict[str, dict[str, str]] = {}
    for places in by_target(entries).values():
        for title, found in findings_since([entries[at].findings for at in places]).items():
            findings[title] = findings.get(title, {}) | found
    return {"runs": len(entries), "steps": told, "findings": findings}


def _entries(paths: list[Path]) -> list[HistoryRun]:
    """Of all runs there; what cannot be read is left out, unless there is nothing else."""
    from harness.across_runs.history import HistoryRun
    from harness.record.store import BLAME_FILE, records_in
    from harness.verdict.judge import judge

    found, problem = [], None
    for folder, record in records_in(paths):
        if isinstance(record, RecordError):
            problem = record
            print(f"leak-harness: left out: {record.what}", file=sys.stderr)
        elif not (folder / BLAME_FILE).exists():
            found.append(HistoryRun.of(record, judge(record).verdict, str(folder.resolve())))
    if problem is not None and not found:
        raise problem
    return found


def _looked_at(
    history: History, options: argparse.Namespace
) -> tuple[list[HistoryRun], dict[str, list[Change]]]:
    """The runs that are wanted, and for each figure the steps of every server, by their places
    among these runs.
    """
    from harness.across_runs.change_points import by_target

    entries = [
        one
        for one in history.entries(options.scenario)
        if options.target is None or options.target in one.target
    ]
    if not entries:
        chosen = options.scenario is not None or options.target is not None
        known = sorted({f"{one.scenario} of {one.target}" for one in history.entries()})
        raise UsageError(
            "the history holds no such runs" if chosen and known else "the history holds no runs",
            hint=f"it has {'; '.join(known)}"
            if known
            else "give folders that `run` wrote, or one of such: reports/",
        )
    names = {one.scenario for one in entries}
    if len(names) > 1:
        raise UsageError(
            f"the history holds {len(names)} scenarios: {', '.join(sorted(names))}",
            hint="choose with --scenario",
        )
    return entries, {
        name: [
            replace(one, at=places[one.at])
            for places in by_target(entries).values()
            for one in steps_of([entries[at] for at in places], name)
        ]
        for name in LEAST
    }


def _run_again(last: HistoryRun, folder: Path) -> Path:
    """The folder of a fresh run of what the last one ran, of the same commit."""
    from harness.record.store import dated, load_record

    words = shlex.split(load_record(Path(last.folder)).started.target.get("command_line", ""))
    if words[1:2] not in (["run"], ["ci"]):
        raise UsageError(
            f"{last.folder} does not say how to run it again", hint="run it yourself, and add it"
        )
    parser = argparse.ArgumentParser()
    declare(parser)
    parser.set_defaults(command_line=words)
    parser.set_defaults(
        **unless_another(run_verb.defaults(), parser.parse_known_args(words[2:])[0])
    )
    options, _ = parser.parse_known_args(words[2:])  # `ci` has one of its own
    if revision(options).get("commit", "") != last.revision:
        raise UsageError(
            f"the last run was of commit {last.revision[:10]}",
            hint="check that out, and confirm again",
        )
    options.out = dated(last.scenario, folder)
    options.json = False
    with contextlib.redirect_stdout(sys.stderr):
        run_verb.run(options)
    return Path(options.out)


def steps_of(entries: list[HistoryRun], name: str) -> list[Change]:
    """Steps of a figure, by their places among all runs."""
    from harness.across_runs.change_points import Change, change_points

    places = [at for at, one in enumerate(entries) if getattr(one, name) is not None]
    values = [float(getattr(entries[at], name)) for at in places]
    least = max(
        LEAST[name], _SHARE.get(name, 0.0) * sorted(values)[len(values) // 2] if values else 0.0
    )
    return [
        Change(places[one.at], one.before, one.after, one.confirmed)
        for one in change_points(values, least)
    ]
