"""What a program imports from `leak_harness`."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap
from collections.abc import Iterator
from typing import Any, Final

import harness
from harness.experiment.options import RunOptions
from harness.option import declarations
from harness.target.ways import targets
from reference_pages.markdown import page, signature, summary, table

EXAMPLE: Final = """\
```python
from pathlib import Path

import leak_harness
from leak_harness import LoadOptions, OutputOptions, RunOptions, Serve

run = leak_harness.run(
    RunOptions(
        "visit.py",
        target=Serve("uvicorn app:app --port {port}", url="ws://127.0.0.1:{port}/ws"),
        load=LoadOptions(max_cycles=60),
        output=OutputOptions(out=Path("reports/today")),
    )
)
print(run.verdict.name, run.verdict.summary)
for finding in run.findings:
    print(finding.summary, finding.created_at)

again = leak_harness.judge(leak_harness.load(run.folder))  # the stored run, judged once more
assert again.verdict.name == run.verdict.name
```"""
_GROUPS: Final = (
    ("connection", harness.ConnectionOptions),
    ("load", harness.LoadOptions),
    ("measurement", harness.MeasurementOptions),
    ("policy", harness.PolicyOptions),
    ("output", harness.OutputOptions),
)


def program_page() -> str:
    """The functions, then the options, then what comes back."""
    functions = [
        (
            f"`leak_harness.{name}{signature(getattr(harness, name))}`",
            summary(getattr(harness, name)),
        )
        for name in ("run", "judge", "load")
    ]
    of_run = [(f"`{name}`", text) for name, text in field_texts(RunOptions)]
    groups = [_group(f"{name}: {owner.__name__}", owner) for name, owner in _GROUPS]
    ways = [_group(f"target: {target.__name__}", target) for target in targets()]
    results = [
        ["", f"### {owner.__name__}", "", summary(owner), "", *_members(owner)]
        for owner in (harness.Run, harness.Judgement, harness.Verdict, harness.Finding)
    ]
    return page(
        "From Python",
        EXAMPLE.splitlines(),
        ["## Functions"],
        table(("function", "does"), functions),
        [
            "`leak_harness.run` blocks until the run has ended. A leak is a result, not an error. "
            "What cannot be run raises a `leak_harness.HarnessError` with what happened and what "
            "to do."
        ],
        ["## RunOptions"],
        ["Each group of options is a frozen dataclass. All fields have defaults."],
        table(("field", "meaning"), of_run),
        *groups,
        *ways,
        ["## Results"],
        *(lines[1:] for lines in results),
    )


def field_texts(owner: type) -> Iterator[tuple[str, str]]:
    """The fields of a dataclass, each with the docstring under it."""
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(owner))).body
    assert isinstance(definition, ast.ClassDef)
    names = {*getattr(owner, "__dataclass_fields__", ())} - {"_"}
    name = ""
    texts: dict[str, str] = {}
    for node in definition.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            name = node.target.id
            texts.setdefault(name, "")
        elif name and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            texts[name] = " ".join(str(node.value.value).split())
            name = ""
    return ((name, text) for name, text in texts.items() if name in names)


def _group(title: str, owner: type) -> list[str]:
    rows = [
        (f"`{field}`", f"`--{option.name}`", option.says) for field, option in declarations(owner)
    ]
    return [f"### {title}", "", summary(owner), "", *table(("field", "option", "meaning"), rows)]


def _members(owner: Any) -> list[str]:
    types = {field.name: str(field.type) for field in dataclasses.fields(owner)}
    rows = [(f"`{name}`", f"`{types[name]}`", text) for name, text in field_texts(owner)]
    members: list[tuple[str, Any]] = [*vars(owner).items()]
    rows += [
        (f"`{name}`", f"`{member.fget.__annotations__['return']}`", summary(member))
        for name, member in members
        if isinstance(member, property)
    ]
    return table(("has", "type", "meaning"), rows)
