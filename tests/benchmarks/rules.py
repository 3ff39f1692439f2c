"""How often each rule decides, and how often the verdict was right then.

Judged are the labelled series and the synthetic kinds as `judge` judges them, and the stored runs
after each rest sample, as the run itself was judged. `--write` puts the table into docs/verdict.md.
"""

from __future__ import annotations

import argparse
import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from numpy.random import default_rng
from operating_characteristics import KINDS, SERIES, made

from harness.record.record import RestSample, RunEnded, RunRecord, decode_line
from harness.verdict.judge import every_rule, judge
from harness.verdict.outcome import Kind, Verdict, VerdictName
from harness.verdict.rules import DOCUMENT
from harness.verdict.stored_series import judge_series, read_series

ROOT: Final = Path(__file__).parents[2]
DATA: Final = ROOT / "tests" / "data"
START: Final = "<!-- rules -->\n"
END: Final = "<!-- end of rules -->"
LEAKING_RUNS: Final = frozenset(
    (
        "leak",
        "left-tasks",
        "late-and-native",
        "threads-native-leak",
        "threads-native-leak-and-caches",
        "uvicorn-0.15.0",
        "nicegui-3.4.1",
        "engineio-4.6.1",
    )
)
"""Of the stored runs, those of servers that leak."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One verdict, and what it may be."""

    verdict: Verdict
    accepted: frozenset[str]

    @property
    def is_right(self) -> bool:
        """Whether it is one of these."""
        return word(self.verdict) in self.accepted


def word(verdict: Verdict) -> str:
    """The verdict in the words of the labels."""
    kind = getattr(verdict.gates["memory"], "kind", None)
    if kind is Kind.FRAGMENTATION and verdict.name is VerdictName.FLAT:
        return "FRAGMENTATION"
    return verdict.name.upper()


def labelled() -> Iterator[Judged]:
    """The stored series with labels, most of them real."""
    with (SERIES / "labels.csv").open(newline="") as file:
        for label in csv.DictReader(file):
            text = (SERIES / label["file"]).read_text()
            accepted = frozenset(label["accept"].split(";"))
            yield Judged(judge_series(read_series(text))[0].verdict, accepted)


def stored() -> Iterator[Judged]:
    """The stored runs, after each rest sample. A server that leaks is not called flat, and another
    not leaking.
    """
    for path in sorted([*(DATA / "runs").glob("*.jsonl"), *(DATA / "corpus").glob("*.jsonl")]):
        first, *lines = (decode_line(line) for line in path.read_bytes().splitlines())
        record = RunRecord.from_lines([first])
        leaks = path.stem in LEAKING_RUNS
        accepted = {"LEAK", "DEGRADED"} if leaks else {"FLAT", "FRAGMENTATION"}
        for line in lines:
            record.add(line)
            if (isinstance(line, RestSample) and not line.idle) or isinstance(line, RunEnded):
                yield Judged(judge(record).verdict, frozenset((*accepted, "INCONCLUSIVE")))


def synthetic(count: int) -> Iterator[Judged]:
    """The kinds of the other table. Open is right for neither."""
    for seed, kind in enumerate(KINDS):
        noise = default_rng(seed)
        for _ in range(count):
            verdict = judge_series(read_series(made(kind, noise).text))[0].verdict
            accepted = {"LEAK"} if kind.leaks else {"FLAT", "FRAGMENTATION"}
            yield Judged(verdict, frozenset(accepted))


def deciding(verdict: Verdict) -> set[str]:
    """The rules that decided something of a verdict, each once."""
    steps = [step for gate in verdict.gates.values() for step in gate.trace]
    return {step.rule for step in [*steps, *verdict.trace] if step.decided}


def table(count: int) -> str:
    """The table, in the form of the documentation.

    Args:
        count: synthetic series of each kind.
    """
    sources = (list(labelled()), list(stored()), list(synthetic(count)))
    decided: list[Counter[str]] = [Counter() for _ in sources]
    right: Counter[str] = Counter()
    for counter, results in zip(decided, sources, strict=True):
        for result in results:
            rules = deciding(result.verdict)
            counter.update(rules)
            right.update(rules if result.is_right else ())
    lines = [
        f"Counted over {len(sources[0])} labelled series, {len(sources[1])} judgements of stored "
        f"runs, and {len(sources[2])} synthetic series.",
        "",
        "| rule | says | labelled | stored | synthetic | verdict right |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for rule in every_rule():
        counts = [counter[rule.id] for counter in decided]
        total = sum(counts)
        share = f"{100 * right[rule.id] / total:.1f} %" if total else ""
        cells = " | ".join(str(number) for number in counts)
        section = rule.source.removeprefix(DOCUMENT)
        lines.append(f"| `{rule.id}` | [{rule.says}]({section}) | {cells} | {share} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Print the table, or write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=40, help="synthetic series of each kind")
    parser.add_argument("--write", action="store_true", help="put the table into the page")
    options = parser.parse_args()
    made_table = table(options.count)
    if not options.write:
        print(made_table, end="")
        return
    page = ROOT / DOCUMENT
    before, _, rest = page.read_text(encoding="utf-8").partition(START)
    after = rest.partition(END)[2]
    page.write_text(f"{before}{START}{made_table}{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
