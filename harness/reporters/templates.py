"""The pages' templates, and what lies next to them in `page/`."""

from __future__ import annotations

import re
from importlib import resources
from typing import TYPE_CHECKING, Any

from ..units import format_size
from .escaping import clean
from .finding_words import source_lines, told

if TYPE_CHECKING:
    from markupsafe import Markup


def page_file(name: str) -> str:
    """The text of a file in `page/`."""
    return resources.files(__package__).joinpath("page", name).read_text(encoding="utf-8")


def draw_page(template: str, **values: Any) -> bytes:
    """A page in HTML. All values are escaped, but for what is marked as `raw`."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined)
    environment.filters |= {
        "told": told,
        "source_lines": source_lines,
        "size": format_size,
        "code": _code,
    }
    return clean(environment.from_string(page_file(template)).render(**values)).encode()


def _code(text: str) -> Markup:
    """Escaped, with what is between backticks set as code."""
    from markupsafe import Markup, escape

    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def raw(text: str) -> Markup:
    """Our own words, as they are: never a server's."""
    from markupsafe import Markup

    return Markup(text)
