"""Modules of a server in which things pile up in every way, and what the probe is to call them."""

from __future__ import annotations

from pathlib import Path

SERVERS = Path(__file__).parents[1] / "servers"
APPLICATION, LEDGER, TOWN, INN, LIBRARY = (
    (SERVERS / f"{name}.py").read_text(encoding="utf-8")
    for name in ("application", "ledger", "town", "inn", "library")
)
NAMES = {
    *(
        "town.people",
        "town.present.data",
        "town.supposed_weak",
        "town.Signal.receivers",
        "weakref.finalize._registry",
    ),
    *("town.by_user", "town.counts", "town.bag", "town.latest", "town.scores"),
    *(
        "town.rendered cache",
        "town.Room.picture cache",
        "seen.__defaults__[0]",
        "called.calls",
        "town.variable default",
    ),
    *("town.begun._callbacks", "atexit", "logging.Logger.handlers", "logging.Logger.filters"),
    "logging.Manager.loggerDict",
}
CHAINS = {
    "Guest": ("task", "dine", "context <", "contextvar guest"),
    "Meal": ("task", "dine", "local meal (/inn.py:47)"),
    "Key": ("task", "dine", "awaits", "local key (/inn.py:42)"),
    "Bell": ("event loop", "._scheduled", "._callback <functools.partial>", ".args"),
    "Bill": (".errors", ".__traceback__", ".tb_next", ".tb_frame", "local bill (/inn.py:51)"),
    "Name": (".names", "key"),
    "Wish": (".wishes", "._result"),
}
