"""Released packages that leaked, the releases that fixed them, and innocent ones: is each called
what it is?

`make corpus` installs each into an environment of its own below `.corpus/` and runs its scenario
against its server, without other options. A leaky release must be called a leak, with a finding
that names what piles up. A fixed or innocent release must be called flat. `make corpus
ARGS="uvicorn nicegui --sides fixed"` runs some of them.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parent.parent
SIDES: Final = {"leaky": ("leak",), "fixed": ("flat",), "innocent": ("flat",)}
TABLE: Final = ROOT / "docs" / "corpus.md"
MARKS: Final = ("<!-- corpus -->", "<!-- end of corpus -->")


@dataclass(frozen=True, slots=True)
class Done:
    """One release, and what a run says of it."""

    package: str
    version: str
    side: str
    verdict: str
    sessions: int
    wall_s: float
    cause: str
    """The first finding that names what piles up; empty where none does, or none is wanted."""
    wrong: str

    @property
    def row(self) -> str:
        """A line of the table."""
        cells = (
            self.package,
            self.version,
            self.side,
            self.verdict,
            self.sessions,
            f"{self.wall_s:.0f} s",
            self.cause,
        )
        return f"| {' | '.join(map(str, cells))} |"


def main() -> int:
    """0 where all are called what they are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", help="beginnings of names; all without any")
    parser.add_argument("--sides", nargs="*", default=list(SIDES), choices=list(SIDES))
    parser.add_argument("--parallel", type=int, default=1, help="at once (%(default)s)")
    parser.add_argument("--write", action="store_true", help="write the table into docs/corpus.md")
    options = parser.parse_args()
    wanted = [
        (folder, side)
        for folder in sorted(HERE.iterdir())
        if (folder / "case.toml").exists()
        and (not options.cases or folder.name.startswith(tuple(options.cases)))
        for side in options.sides
        if (folder / f"requirements-{side}.txt").exists()
    ]
    with ThreadPoolExecutor(options.parallel) as pool:
        done = []
        for release in pool.map(lambda pair: _run(*pair), wanted):
            mark = f"  WRONG: {release.wrong}" if release.wrong else ""
            print(release.row + mark, flush=True)
            done.append(release)
    if options.write:
        _write_table(done)
    wrong = [release for release in done if release.wrong]
    print(f"{len(done) - len(wrong)} of {len(done)} are right")
    return 1 if wrong else 0


def _run(folder: Path, side: str) -> Done:
    case = tomllib.loads((folder / "case.toml").read_text(encoding="utf-8"))
    python = _environment(folder, side)
    out = ROOT / ".corpus" / "runs" / f"{folder.name}-{side}"
    shutil.rmtree(out, ignore_errors=True)
    began_s = time.monotonic()
    command = [
        sys.executable,
        "-m",
        "harness",
        "run",
        str(folder / "scenario.py"),
        "--json",
        "--out",
        str(out),
    ]
    server = f"{python} {folder / 'server.py'}"
    ran = subprocess.run(
        [*command, "--serve", server],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=1800,
    )
    try:
        result: dict[str, Any] = json.loads(ran.stdout)
    except ValueError:
        result = {"verdict": "none", "sessions": 0, "findings": [], "gates": {}}
    kind = result["gates"].get("memory", {}).get("kind") or ""
    cause = (
        next(iter(_named(result["findings"], case.get("piles_up", "")))) if side == "leaky" else ""
    )
    verdict = (
        f"{result['verdict']} ({kind})" if kind and kind != result["verdict"] else result["verdict"]
    )
    wrong = "" if result["verdict"] in SIDES[side] else f"{result['verdict']}: {ran.stderr[-300:]}"
    if side == "leaky" and not wrong and not cause:
        wrong = "no finding names what piles up"
    return Done(
        case["package"],
        case[side],
        side,
        verdict,
        result["sessions"],
        time.monotonic() - began_s,
        cause,
        wrong,
    )


def _named(findings: list[dict[str, Any]], piles_up: str) -> Iterator[str]:
    for finding in findings:
        text = " ".join([finding["type"], finding["summary"], *finding["chain"]])
        if any(word in text for word in piles_up.split("|")):
            yield f"{finding['kind']} `{finding['type']}`"
    yield ""


def _environment(folder: Path, side: str) -> Path:
    """The interpreter of an environment that holds what the requirements name."""
    place = ROOT / ".corpus" / f"{folder.name}-{side}"
    python = place / "bin" / "python"
    if not (place / "complete").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(place)], check=True)
        requirements = folder / f"requirements-{side}.txt"
        command = [
            str(python),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "-r",
            str(requirements),
        ]
        subprocess.run(command, check=True, capture_output=True)
        (place / "complete").touch()
    return python


def _write_table(done: list[Done]) -> None:
    head = [
        "| package | version | | verdict | sessions | time | cause |",
        "|---|---|---|---|---:|---:|---|",
    ]
    text = TABLE.read_text(encoding="utf-8")
    before, _, rest = text.partition(MARKS[0])
    _, _, after = rest.partition(MARKS[1])
    table = "\n".join([*head, *(release.row for release in done)])
    TABLE.write_text(f"{before}{MARKS[0]}\n{table}\n{MARKS[1]}{after}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
