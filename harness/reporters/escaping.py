"""Escapes a server's words where they leave the harness, one function for each format.

HTML is escaped by jinja's autoescape, XML by ElementTree, JSON by its encoder. rich takes the words
as `Text`, which has no markup. All of them get text that is `printable` first.
"""

from __future__ import annotations

import re
from typing import Final

from ..redaction import printable

_MARKDOWN: Final = re.compile(r"([\\`*_\[\]<>#|~@&!])")
_AT_LINE_START: Final = re.compile(r"^(\s*)([-+=:]|\d+(?=[.)]))")
_COMMAND: Final = re.compile(r"^(\s*):(?=:)|#(?=#\[)", re.MULTILINE)
MAX_DOCUMENT: Final = 1 << 26
"""Characters of a whole file: only what is in it is cut short."""


def clean(text: str) -> str:
    """A whole text without control characters: for formats that escape the rest themselves."""
    return printable(text, MAX_DOCUMENT)


def one_line(text: str) -> str:
    """On one line, for a terminal or a log. Lines are joined by semicolons, but after a colon."""
    return re.sub(r":;\s", ": ", " ".join("; ".join(clean(text).splitlines()).split()))


def code_line(text: str) -> str:
    """A line of source, with its indentation."""
    return " ".join(clean(text).splitlines()).rstrip()


def log_lines(text: str) -> str:
    """What is printed where a CI reads commands from the log: `::error::` at the start of a line,
    or `##[error]`. A space within them makes them text.

    It is for the whole output, since a line that is broken may begin anywhere in a word.
    """
    return _COMMAND.sub(lambda command: f"{command[0]} ", text)


def markdown(text: str) -> str:
    """On one line, with nothing in it that Markdown or HTML would read."""
    line = _MARKDOWN.sub(r"\\\1", " ".join(clean(text).split()))
    return _AT_LINE_START.sub(r"\1\\\2", line)


def workflow_message(text: str) -> str:
    """The message of a workflow command of GitHub: after the second `::`."""
    return clean(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def workflow_property(text: str) -> str:
    """A property of a workflow command of GitHub, such as a title or a file."""
    return workflow_message(text).replace(":", "%3A").replace(",", "%2C")
