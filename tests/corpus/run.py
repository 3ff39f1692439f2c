"""Released packages that leaked, the releases that fixed them, innocent ones, and servers that use
a library rightly and wrongly: is each called what it is?

`make corpus` installs each into an environment of its own below `.corpus/` and runs its scenario
against its server, without other options. A leaky release must be called a leak, with a finding
that names what piles up. A fixed or innocent release must be called flat. `make corpus
ARGS="uvicorn nicegui --sides fixed"` runs some of them.

A folder here is a case of its own, with an environment for each side. The servers in `libraries/`
share one environment and one scenario, and are told on the command line which side to show.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Final

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parent.parent
SIDES: Final = {"leaky": ("leak",), "fixed": ("flat",), "innocent": ("flat",)}
LIBRARIES: Final = HERE / "libraries"
TABLE: Final = ROOT / "docs" / "corpus.md"
_INSTALLING: Final = Lock()
"""Sides of libraries share an environment."""
MARKS: Final = ("<!-- corpus -->", "<!-- end of corpus -->")


@dataclass(frozen=True, slots=True)
class Case:
    """One side of one server."""

    name: str
    side: str
    package: str
    version: str
    piles_up: str
    """Words of which a finding about the leaky side must have one, separated by `|`."""
    environment: Path
    requirements: Path
    scenario: Path
    server: str
    """What follows the interpreter on the server's command line."""
    needs: str = ""
    """A program that the server starts."""


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
        case
        for case in cases()
        if case.side in options.sides
        and (not options.cases or case.name.startswith(tuple(options.cases)))
    ]
    with ThreadPoolExecutor(options.parallel) as pool:
        done = []
        for release in pool.map(_run, wanted):
            mark = f"  WRONG: {release.wrong}" if release.wrong else ""
            print(release.row + mark, flush=True)
            done.append(release)
    if options.write:
        _write_table(done)
    wrong = [release for release in done if release.wrong]
    print(f"{len(done) - len(wrong)} of {len(done)} are right")
    return 1 if wrong else 0


def cases() -> list[Case]:
    """All of them: those with a folder of their own, then those of libraries."""
    folders = [case for file in sorted(HERE.glob("*/case.toml")) for case in _of_folder(file)]
    tables = tomllib.loads((LIBRARIES / "cases.toml").read_text(encoding="utf-8"))
    libraries = [case for name, table in tables.items() for case in _of_library(name, table)]
    return folders + libraries


def _of_folder(file: Path) -> Iterator[Case]:
    folder, table = file.parent, tomllib.loads(file.read_text(encoding="utf-8"))
    for side in SIDES:
        requirements = folder / f"requirements-{side}.txt"
        if requirements.exists():
            yield Case(
                folder.name,
                side,
                table["package"],
                table[side],
                table.get("piles_up", ""),
                environment=ROOT / ".corpus" / f"{folder.name}-{side}",
                requirements=requirements,
                scenario=folder / "scenario.py",
                server=str(folder / "server.py"),
            )


def _of_library(name: str, table: Mapping[str, str]) -> Iterator[Case]:
    requirements = LIBRARIES / "requirements.txt"
    pins = dict(line.split("==") for line in requirements.read_text(encoding="utf-8").split())
    versions = {package.lower(): version for package, version in pins.items()}
    for side in ("leaky", "innocent"):
        yield Case(
            name,
            side,
            table["package"],
            versions.get(table["package"].split()[0], "of Python"),
            table["piles_up"],
            environment=ROOT / ".corpus" / "libraries",
            requirements=requirements,
            scenario=LIBRARIES / "visit.py",
            server=f"{LIBRARIES / name}.py {side}",
            needs=table.get("needs", ""),
        )


def _run(case: Case) -> Done:
    if case.needs and shutil.which(case.needs) is None:
        return Done(
            case.package, case.version, case.side, "none", 0, 0.0, "", f"install {case.needs}"
        )
    python = _environment(case)
    out = ROOT / ".corpus" / "runs" / f"{case.name}-{case.side}"
    shutil.rmtree(out, ignore_errors=True)
    began_s = time.monotonic()
    command = [sys.executable, "-m", "harness", "run", str(case.scenario), "--json"]
    ran = subprocess.run(
        [*command, "--out", str(out), "--serve", f"{python} {case.server}"],
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
    cause = next(_named(result["findings"], case.piles_up)) if case.side == "leaky" else ""
    verdict = (
        f"{result['verdict']} ({kind})" if kind and kind != result["verdict"] else result["verdict"]
    )
    wrong = (
        "" if result["verdict"] in SIDES[case.side] else f"{result['verdict']}: {ran.stderr[-300:]}"
    )
    if case.side == "leaky" and not wrong and not cause:
        wrong = "no finding names what piles up"
    return Done(
        case.package,
        case.version,
        case.side,
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


def _environment(case: Case) -> Path:
    """The interpreter of an environment that holds what the requirements name."""
    place = case.environment
    python = place / "bin" / "python"
    with _INSTALLING:
        if not (place / "complete").exists():
            subprocess.run([sys.executable, "-m", "venv", "--clear", str(place)], check=True)
            pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            subprocess.run([*pip, "-r", str(case.requirements)], check=True, capture_output=True)
            (place / "complete").touch()
    return python


def _write_table(done: list[Done]) -> None:
    """Write what was run into the table. Rows of other cases stay as they are."""
    head = [
        "| package | version | | verdict | sessions | time | cause |",
        "|---|---|---|---|---:|---:|---|",
    ]
    text = TABLE.read_text(encoding="utf-8")
    before, _, rest = text.partition(MARKS[0])
    table, _, after = rest.partition(MARKS[1])
    rows = {_case_of(row): row for row in table.strip().splitlines()[len(head) :]}
    rows |= {_case_of(release.row): release.row for release in done}
    wanted = [(case.package, case.version, case.side) for case in cases()]
    table = "\n".join([*head, *(rows[case] for case in wanted if case in rows)])
    TABLE.write_text(f"{before}{MARKS[0]}\n{table}\n{MARKS[1]}{after}", encoding="utf-8")


def _case_of(row: str) -> tuple[str, ...]:
    """Package, version and side: what the first three cells of a row say."""
    return tuple(cell.strip() for cell in row.split("|")[1:4])


if __name__ == "__main__":
    sys.exit(main())
