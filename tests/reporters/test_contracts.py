"""Each module in the folder of the reporters obeys one of the contracts, or helps those that do."""

from __future__ import annotations

import inspect
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType

import pytest

import harness.reporters
from harness.record.metrics import METRICS

HELPERS = {
    "advice",
    "chinese_rules",
    "places",
    "chinese_sentences",
    "finding_words",
    "kind_words",
    "policy_words",
    "blame_text",
    "canvas",
    "charts",
    "chinese",
    "contract",
    "escaping",
    "facts",
    "reference_graph",
    "templates",
    "translation",
    "why",
}
MODULES = [
    import_module(f"harness.reporters.{module.name}")
    for module in iter_modules(harness.reporters.__path__)
]


def tables(module: ModuleType) -> list[str]:
    return [name for name in ("FILES", "REPORTS", "SCREEN") if hasattr(module, name)]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__.rpartition(".")[2])
def test_a_module_offers_reports_of_one_contract_or_is_a_helper(module: ModuleType) -> None:
    is_helper = module.__name__.rpartition(".")[2] in HELPERS
    assert len(tables(module)) == (0 if is_helper else 1)


@pytest.mark.parametrize(
    ("table", "arguments"),
    [("FILES", ["record", "verdict"]), ("REPORTS", [])],
)
def test_reports_take_what_their_contract_says(table: str, arguments: list[str]) -> None:
    for module in MODULES:
        for name, report in getattr(module, table, {}).items():
            required = [
                parameter.name
                for parameter in inspect.signature(report).parameters.values()
                if parameter.default is inspect.Parameter.empty
            ]
            assert required == arguments or (table == "REPORTS" and len(required) == 1), name
            assert Path(name).suffix


def test_texts_for_a_screen_take_what_their_contract_says() -> None:
    screens = [module for module in MODULES if hasattr(module, "SCREEN")]
    assert len(screens) == 2
    for module in screens:
        assert list(inspect.signature(module.SCREEN).parameters)[2:] == ["width", "terminal"]


def test_no_template_stands_in_code() -> None:
    for module in MODULES:
        assert "{{" not in inspect.getsource(module), module.__name__


def test_every_metric_has_a_label_in_both_languages() -> None:
    assert all(metric.label and metric.label_zh for metric in METRICS.values())
