"""The options of a run: one table, made of one dataclass a group and one a target.

A field of such a dataclass that is `declared` is an option of the command line, of
`leak-harness.toml`, of the pytest marker and of the reference. Nothing else lists it.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from ...option import SCENARIO, Form, Option, declarations, declared, fields_from
from ...target.target import Target
from ...target.ways import all_keys, hinted, keys_of, target_from, target_named, targets
from .connection import DEFAULT_PROTOCOL, ConnectionOptions
from .load import LoadOptions
from .measurement import MeasurementOptions
from .output import OutputOptions
from .policy import PolicyOptions

if TYPE_CHECKING:
    from ...sessions.scenario import Scenario

__all__ = [
    "DEFAULT_PROTOCOL",
    "ConnectionOptions",
    "LoadOptions",
    "MeasurementOptions",
    "OutputOptions",
    "PolicyOptions",
    "RunOptions",
    "merged",
    "options",
    "options_by_key",
    "options_from",
    "without_other_targets",
]
_GROUPS: Final = {
    "connection": ConnectionOptions,
    "load": LoadOptions,
    "measurement": MeasurementOptions,
    "policy": PolicyOptions,
    "output": OutputOptions,
}
"""By the field of `RunOptions` that each fills, in the order of the help."""


def _embedded() -> Target:
    return target_named("embedded")()


@dataclass(frozen=True, slots=True)
class RunOptions:
    """One run as a user asks for it.

    `RunOptions("leaks.py::visit", target=Serve("uvicorn app:app --port {port}"))`
    """

    scenario: str | Scenario = declared(
        "scenario",
        SCENARIO,
        "A file of scenarios, file.py::name, or the name of a shipped scenario.",
        default="character-switch",
    )
    """A scenario, or where one is: `file.py`, `file.py::name`, or a shipped name."""
    _: KW_ONLY
    target: Target = field(default_factory=_embedded)
    """The server under test, and how it is reached; the embedded server by default."""
    connection: ConnectionOptions = field(default_factory=ConnectionOptions)
    """How each session connects."""
    load: LoadOptions = field(default_factory=LoadOptions)
    """How many sessions there are."""
    measurement: MeasurementOptions = field(default_factory=MeasurementOptions)
    """What is measured."""
    policy: PolicyOptions = field(default_factory=PolicyOptions)
    """What the verdict rests on."""
    output: OutputOptions = field(default_factory=OutputOptions)
    """Where results go."""
    command_line: tuple[str, ...] = ("leak_harness.run",)
    """What the record says of how the run was asked for."""


def options() -> tuple[Option, ...]:
    """Every option of a run, by the groups of the help."""
    scenario = tuple(option for _, option in declarations(RunOptions))
    return (*scenario, *_target_options(), *_group_options())


def options_by_key() -> dict[str, Option]:
    """Every option of a run by its key: `max_cycles`."""
    return {option.key: option for option in options()}


def options_from(values: Mapping[str, Any], command_line: tuple[str, ...] = ()) -> RunOptions:
    """The options that some values make, by the keys of their options; what is absent is default.

    Raises:
        UsageError: the values name two targets, or an option is for another target.
    """
    groups: dict[str, Any] = {
        name: group(**fields_from(group, values)) for name, group in _GROUPS.items()
    }
    asked = RunOptions(**fields_from(RunOptions, values), target=target_from(values), **groups)
    if "reasons" in values:
        asked = replace(asked, policy=replace(asked.policy, reasons=values["reasons"]))
    return replace(asked, command_line=command_line) if command_line else asked


def merged(settings: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a file under those of a command line or a marker, which win.

    A server that the command line names takes the place of the file's. Values of a repeatable
    option come after those of the file.
    """
    known = options_by_key()
    values = without_other_targets(settings, hinted(given))
    for key, value in given.items():
        option = known.get(key)
        if key in values and option is not None and option.is_repeatable:
            values[key] = (*values[key], *value)
        elif key in values and option is not None and option.kind.form is Form.PAIRS:
            values[key] = {**values[key], **value}
        else:
            values[key] = value
    return values


def without_other_targets(
    settings: Mapping[str, Any], target: type[Target] | None
) -> dict[str, Any]:
    """The values of a file without those that belong to other targets than this one; all of them
    where none is named.
    """
    if target is None:
        return dict(settings)
    left_out = all_keys() - keys_of(target)
    return {key: value for key, value in settings.items() if key not in left_out}


def _target_options() -> Iterator[Option]:
    """Those that choose a target first, then the others; each names the targets that have it."""
    ordered = targets()
    chosen_by = {target.CHOSEN_BY for target in ordered if target.CHOSEN_BY}
    words = ", ".join(target.HELP_NAME for target in ordered if target.CHOSEN_BY)
    alone = " or ".join(target.HELP_NAME for target in ordered if target.NEEDS)
    group = f"target: the embedded server, one of {words}, or {alone} alone with --once"
    owners: dict[str, list[type[Target]]] = {}
    found: dict[str, Option] = {}
    for target in ordered:
        for _, option in declarations(target):
            owners.setdefault(option.key, []).append(target)
            if found.setdefault(option.key, option) is not option:
                raise TypeError(f"--{option.name} of {target.NAME} is declared elsewhere, too")
    for key in sorted(found, key=lambda key: (key not in chosen_by, -len(owners[key]))):
        names = tuple(target.HELP_NAME for target in owners[key])
        is_for_all = key in chosen_by or len(names) == len(ordered)
        yield replace(found[key], group=group, targets=() if is_for_all else names)


def _group_options() -> Iterator[Option]:
    for group in _GROUPS.values():
        title = importlib.import_module(group.__module__).GROUP
        for _, option in declarations(group):
            yield replace(option, group=option.group or title)
