"""What comes in from users, servers, logs and disks, made fit to be written down: secrets masked,
text printable and of bounded length.
"""

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


MAX_TEXT: Final = 2000
"""Characters of one name or message of a server that are kept."""
_CUT: Final = "…"
# C0 and C1 controls but tab and newline, halves of characters, marks that turn the direction of
# writing or hide, line and paragraph separators, and what XML 1.0 does not allow.
_UNPRINTABLE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ud800-\udfff\ufeff\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e0fff]"
)


def printable(text: str, max_length: int = MAX_TEXT) -> str:
    """Words of somebody else that harm no reader, terminal or file.

    Control and escape characters, halves of characters, and marks that change the direction of
    writing become U+FFFD. Tabs and newlines stay: what must be on one line is put there by whoever
    writes the line.

    Args:
        text: of a server, a log, a probe or a disk.
        max_length: characters that are kept; an ellipsis takes the place of the rest.
    """
    if len(text) > max_length:
        text = text[: max_length - len(_CUT)] + _CUT
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)


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
