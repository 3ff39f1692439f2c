"""Which of the values that came in may be secret: all that are not known to be harmless."""

from __future__ import annotations

import dataclasses
import os
import re
import shlex
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from ..redaction import has_secret_name, names_secret
from .options import RunOptions

_HARMLESS_HEADERS: Final = re.compile(
    r"accept(-.*)?|user-agent|origin|host|content-type|cache-control|pragma|referer|sec-fetch-.*",
    re.IGNORECASE,
)
_HARMLESS_VARIABLES: Final = re.compile(
    r"PYTHON.*|MALLOC_.*|LC_.*|LANG|TZ|TERM|HOME|USER|SHELL|PWD|.*PATH|.*_?(DIR|HOST|PORT|LEVEL|"
    r"WORKERS|MODE)|DEBUG|ENV",
    re.IGNORECASE,
)
_SECRET_VARIABLES: Final = re.compile(
    r"token|secret|passw|pgpass|api_?key|credential|private|auth|_key$|_dsn$", re.IGNORECASE
)
_HARMLESS_TABLES: Final = ("metric",)
"""Fields of targets: names of metrics."""
_URL: Final = re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)
_MIN_ENVIRONMENT: Final = 8
"""Characters of a value of our own environment, which nobody gave for this run."""


def secrets_of(options: RunOptions) -> Iterator[str]:
    """Values of options, of addresses in them, and of the environment."""
    connection = options.connection
    for name, value in connection.header.items():
        if not _HARMLESS_HEADERS.fullmatch(name):
            yield value
            yield from value.split()  # `Bearer TOKEN`
    yield from connection.cookie.values()
    if connection.auth:
        login = os.environ.get(connection.auth.partition(":")[2], "")
        yield login
        yield login.partition(":")[2]
    for text in (connection.origin, options.output.otlp):
        yield from _in_urls(text or "")
    for field in dataclasses.fields(options.target):
        value = getattr(options.target, field.name)
        if isinstance(value, Mapping) and field.name not in _HARMLESS_TABLES:
            yield from _in_variables(value)
        elif isinstance(value, str):
            yield from _in_urls(value)
            yield from _in_command(value)
    yield from _in_environment()


def _in_variables(variables: Mapping[str, str]) -> Iterator[str]:
    for name, value in variables.items():
        if has_secret_name(name) or not (
            _HARMLESS_VARIABLES.fullmatch(name) or Path(value).is_absolute()
        ):
            yield value
        yield from _in_urls(value)


def _in_environment() -> Iterator[str]:
    """A server under test has these, too, and may repeat them."""
    for name, value in os.environ.items():
        is_path = Path(value).is_absolute()
        if _SECRET_VARIABLES.search(name) and len(value) >= _MIN_ENVIRONMENT and not is_path:
            yield value


def _in_urls(text: str) -> Iterator[str]:
    """User, password, and what the query and the fragment say."""
    for url in _URL.findall(text):
        with suppress(ValueError):
            parts = urlsplit(url)
            user, at, _ = parts.netloc.rpartition("@")
            if at:
                yield unquote(user.partition(":")[0])
                yield unquote(user.partition(":")[2])
            for _, value in parse_qsl(parts.query):
                yield value
            yield parts.fragment


def _in_command(text: str) -> Iterator[str]:
    """Values of options and of assignments whose names say that they are secret."""
    with suppress(ValueError):
        option = ""
        for word in shlex.split(text):
            name, equals, value = word.partition("=")
            if equals and has_secret_name(name):
                yield value
            elif names_secret(option) and not word.startswith("-"):
                yield word
            option = word
