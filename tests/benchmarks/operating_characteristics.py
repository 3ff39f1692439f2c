"""False alarms and power by kind and size, beside the rules that people use today, on the same
series.

Synthetic series after real ones of a chat server behind the probe: 160 sessions and more, one in
each of the first ten cycles, then five. Shares in percent; the other rules see RSS alone after 230
sessions, with the same limit of 1 KiB.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

import numpy as np
from numpy.random import Generator, default_rng
from numpy.typing import NDArray
from scipy import stats

from harness.verdict.outcome import VerdictName
from harness.verdict.stored_series import judge_series, read_series

Floats = NDArray[np.float64]
KIB: Final = 1024.0
PAGE: Final = 4096.0
LIMIT: Final = KIB
SEEN_SESSIONS: Final = 230
SERIES: Final = Path(__file__).parent.parent / "data" / "series"
T: Final = np.concatenate([np.arange(11), np.arange(15, 501, 5)]).astype(np.float64)


@dataclass(frozen=True, slots=True)
class Kind:
    """What a server does beside its warm-up: bytes and tracked objects after each sample's
    sessions.
    """

    name: str
    leaks: bool
    extra: Callable[[Generator], Floats]
    objects: float = 0.0
    """Tracked objects per KiB of the extra."""


def line(per_session: float) -> Callable[[Generator], Floats]:
    """A steady leak."""
    return lambda _: per_session * T


def cache(entries: int, size: float) -> Callable[[Generator], Floats]:
    """Fills, and stops."""
    return lambda _: size * np.minimum(T, entries)


def jump(noise: Generator) -> Floats:
    """One step of 0.1 to 8 MB anywhere."""
    return np.where(noise.uniform(10, 200) < T, noise.uniform(0.1, 8) * 2**20, 0.0)


def outliers(noise: Generator) -> Floats:
    """A buffer of 8 MB in one sample of twenty."""
    return np.where(noise.random(len(T)) < 0.05, 8 * 2.0**20, 0.0)


def one_in_ten(size: float, *, exact: bool) -> Callable[[Generator], Floats]:
    """A leak of every tenth session, or of one in ten by chance."""

    def grown(noise: Generator) -> Floats:
        each = np.arange(1, 501) % 10 == 0 if exact else noise.random(500) < 0.1
        grown_so_far: Floats = np.concatenate([[0.0], np.cumsum(size * each)])
        sampled: Floats = grown_so_far[T.astype(int)]
        return sampled

    return grown


KINDS: Final = (
    Kind("flat", False, line(0)),
    Kind("creep of 200 B", False, line(200)),
    Kind("one jump", False, jump),
    Kind("background buffer", False, outliers),
    Kind("cache of 30 x 16 KiB", False, cache(30, 16 * KIB)),
    Kind("cache of 100 x 16 KiB", False, cache(100, 16 * KIB)),
    Kind("leak of 1.5 KiB", True, line(1.5 * KIB), 2),
    Kind("leak of 4 KiB", True, line(4 * KIB), 2),
    Kind("leak of 64 KiB", True, line(64 * KIB), 0.1),
    Kind("leak of 1 MiB", True, line(KIB * KIB), 0.01),
    Kind("every tenth, 20 KiB", True, one_in_ten(20 * KIB, exact=True), 0.5),
    Kind("one in ten, 20 KiB", True, one_in_ten(20 * KIB, exact=False), 0.5),
    Kind("superlinear", True, lambda _: 16.0 * T**2, 0.5),
)


@dataclass(frozen=True, slots=True)
class Made:
    """One series: the text that is judged, and its RSS."""

    text: str
    rss: Floats


def made(kind: Kind, noise: Generator) -> Made:
    """A warm-up of two exponentials, pages that come and go, and what the kind does."""
    extra = kind.extra(noise)
    warm = noise.uniform(0.6, 1.4) * (
        90 * KIB * (1 - np.exp(-T / 7)) + 60 * KIB * (1 - np.exp(-T / 60))
    )
    pages = PAGE * noise.integers(-2, 3, len(T))
    rss = np.round((40 * 2**20 + warm + pages + 1.1 * extra) / PAGE) * PAGE
    in_use = 3 * 2**20 + 4 * KIB * (1 - np.exp(-T / 10)) + noise.normal(0, 300, len(T)) + extra
    objects = 24_000 + np.round(kind.objects * extra / KIB)
    blocks = 90_000 + np.round(3 * kind.objects * extra / KIB) + np.floor(noise.uniform(0, 0.3) * T)
    rows = np.column_stack([T, rss, rss - 2**20, blocks, in_use, objects, np.ones(len(T))])
    head = "cycle,rss,uss,blocks,malloc_in_use,gc_objects,tasks"
    return Made("\n".join([head, *(",".join(f"{x:.0f}" for x in row) for row in rows)]), rss)


def last_minus_first(t: Floats, x: Floats) -> bool:
    """The threshold of in-house scripts."""
    return bool(x[-1] - x[0] > LIMIT * (t[-1] - t[0]))


def least_squares(t: Floats, x: Floats) -> bool:
    """The slope is over the limit, t-test at 1 %, a fifth of the samples dropped."""
    start = len(t) // 5
    fit = stats.linregress(t[start:], x[start:])
    return bool((fit.slope - LIMIT) / max(fit.stderr, 1e-9) > stats.t.ppf(0.99, len(t) - start - 2))


def mann_kendall(t: Floats, x: Floats) -> bool:
    """Monotone at 1 %, with a Theil-Sen slope over the limit."""
    start = len(t) // 5
    trend = stats.kendalltau(t[start:], x[start:], alternative="greater")
    return bool(trend.pvalue < 0.01 and stats.theilslopes(x[start:], t[start:])[0] > LIMIT)


def _batches(x: Floats, count: int) -> Floats:
    return np.diff([x[round(end)] for end in np.linspace(len(x) // 5, len(x) - 1, count + 1)])


def psleak(t: Floats, x: Floats) -> bool:
    """Five runs in a row that each grow, a tolerance of a page."""
    return bool(np.all(_batches(x, 5) > PAGE))


def every_batch(t: Floats, x: Floats) -> bool:
    """Every one of seven batches grows (regrtest, fuite)."""
    return bool(np.all(_batches(x, 7) > 0))


RULES: Final = {
    "last-first": last_minus_first,
    "OLS t": least_squares,
    "Mann-K.": mann_kendall,
    "psleak": psleak,
    "batches": every_batch,
}


def row(kind: Kind, count: int, seed: int) -> str:
    """One line of the table."""
    noise = default_rng(seed)
    all_made = [made(kind, noise) for _ in range(count)]
    judged = [judge_series(read_series(one.text)) for one in all_made]
    names = [judgement.verdict.name for judgement, _ in judged]
    seen = np.searchsorted(T, SEEN_SESSIONS) + 1
    others = [sum(rule(T[:seen], one.rss[:seen]) for one in all_made) for rule in RULES.values()]
    shares = [
        names.count(VerdictName.LEAK),
        names.count(VerdictName.FLAT),
        names.count(VerdictName.INCONCLUSIVE),
        *others,
    ]
    ours = "".join(f"{100 * share / count:11.0f}" for share in shares)
    truth = "leak" if kind.leaks else "flat"
    typical = median(sessions for _, sessions in judged)
    return f"{kind.name:24}{truth:6}{ours}{typical:10.0f}"


def labelled() -> str:
    """The stored series with labels, most of them real, by the same judge."""
    with (SERIES / "labels.csv").open(newline="") as file:
        labels = list(csv.DictReader(file))
    right = 0
    for label in labels:
        judgement, _ = judge_series(read_series((SERIES / label["file"]).read_text()))
        kind = getattr(judgement.verdict.gates["memory"], "kind", None)
        word = "FRAGMENTATION" if kind == "fragmentation" else judgement.verdict.name.upper()
        right += word == label["expected"]
    return f"labelled series exactly as expected: {right} of {len(labels)}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=40, help="series of each kind")
    options = parser.parse_args()
    heads = ["LEAK", "FLAT", "open", *RULES]
    print(f"{'kind':24}{'is':6}" + "".join(f"{head:>11}" for head in heads) + f"{'sessions':>10}")
    for number, kind in enumerate(KINDS):
        print(row(kind, options.count, number), flush=True)
    print(labelled())


if __name__ == "__main__":
    main()
