"""Masks secrets in command lines and URLs before they are written down."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from typing import Final

MASK: Final = "***"
_SECRET: Final = re.compile(
    r"auth|cookie|token|secret|passw|credential|session|api[-_]?key|signature", re.IGNORECASE
)
_PAIRS: Final = ("--header", "--env", "--cookie")
_IN_URL: Final = re.compile(r"(?P<before>[a-z+]+://)(?P<user>[^/@\s]+)@")
_QUERY: Final = re.compile(r"(?P<name>[?&][^=&\s]*)=(?P<value>[^&\s]*)")


def without_secrets(words: Sequence[str]) -> str:
    """A command line as it may be written down."""
    return shlex.join(_masked(words)).replace("'***'", MASK)


def _masked(words: Sequence[str]) -> Iterator[str]:
    option = ""
    for word in words:
        name, equals, value = word.partition("=")
        if name in _PAIRS and equals:
            yield f"{name}={_masked_pair(name, value)}"
        elif option in _PAIRS:
            yield _masked_pair(option, word)
        else:
            yield url_without_secrets(word)
        option = word


def _masked_pair(option: str, pair: str) -> str:
    key, equals, _ = pair.partition("=")
    is_secret = option == "--cookie" or _SECRET.search(key)
    return f"{key}{equals}{MASK}" if is_secret else url_without_secrets(pair)


def url_without_secrets(url: str) -> str:
    """Without the user's name and password, and what in the query looks like a secret."""
    url = _IN_URL.sub(rf"\g<before>{MASK}@", url)

    def masked(found: re.Match[str]) -> str:
        return f"{found['name']}={MASK}" if _SECRET.search(found["name"]) else found[0]

    return _QUERY.sub(masked, url)
