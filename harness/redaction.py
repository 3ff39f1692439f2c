"""What comes in from users, servers, logs and disks, made fit to be written down: secrets masked,
text printable and of bounded length.

Secrets are masked by their value, wherever they turn up: a server may repeat a token in an error, a
log line or an argument of a child. `SECRETS` holds the values of this process.
"""

from __future__ import annotations

import base64
import html
import json
import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from typing import Final
from urllib.parse import quote, quote_plus

MASK: Final = "***"
_SECRET: Final = re.compile(
    r"auth|cookie|token|secret|pass|pwd|credential|session|key|signature|private|jwt|dsn",
    re.IGNORECASE,
)
_HARMLESS_OPTION: Final = "--sessions"
"""Its name looks like that of a secret. Its value is a count."""
_SHORT_PASSWORD: Final = "-p"
"""A port for most programs, and a password for others. A number is masked where it was given only.
"""
_VARIABLE_OF_LOGIN: Final = re.compile(r"(bearer|basic):\w+")
"""What `--auth` is given: the name of a variable, and not what it holds."""
_PAIRS: Final = ("--header", "--env", "--cookie")
_IN_URL: Final = re.compile(r"(?P<before>[a-z][a-z0-9+.-]*://)(?P<user>[^/@\s]+)@", re.IGNORECASE)
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


MIN_SECRET: Final = 5
"""Characters: a shorter value is masked where it was given, and not wherever it turns up. Every
page has it by chance.
"""
MAX_SECRET: Final = 8192
_NUMBER: Final = re.compile(r"[\d.,:]{1,7}")
_OWN_WORDS: Final = (
    "flat leak degraded inconclusive interrupted server-failed memory objects tasks threads",
    "descriptors children containers latency files growth machine harness census causes probe",
    "serve embedded container cgroup metrics-url python native deflate plain always never false",
    "debug local development production staging testing localhost 127.0.0.1 utf-8 error warning",
)
"""Words of our own files, and values that keep nothing secret: masked, they would make results
unreadable.
"""


class Secrets:
    """Values that no file and no output may show."""

    def __init__(self) -> None:
        self._values: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def add(self, values: Iterable[str]) -> None:
        """From now on these are masked, in all the ways in which they are written."""
        new = {value for value in values if is_maskable(value)} - self._values
        if not new:
            return
        self._values |= new
        written = {way for value in self._values for way in _ways(value)}
        longest_first = sorted(written, key=lambda way: (-len(way), way))
        self._pattern = re.compile("|".join(map(re.escape, longest_first)), re.IGNORECASE)

    def masked(self, text: str) -> str:
        """The text without them."""
        return text if self._pattern is None else self._pattern.sub(MASK, text)


SECRETS: Final = Secrets()
"""The secret values of this process."""


def is_maskable(value: str) -> bool:
    """Whether a value can be masked wherever it turns up."""
    if not MIN_SECRET <= len(value) <= MAX_SECRET or _NUMBER.fullmatch(value):
        return False
    return all(value.lower() not in words.split() for words in _OWN_WORDS)


def has_secret_name(name: str) -> bool:
    """Whether a name of an option, header or variable says that its value is secret."""
    return name != _HARMLESS_OPTION and bool(_SECRET.search(name))


def names_secret(word: str) -> bool:
    """Whether the word of a command line is an option whose value, the next word, is secret."""
    if word == _SHORT_PASSWORD:
        return True
    return word.startswith("-") and "=" not in word and has_secret_name(word)


def _ways(value: str) -> set[str]:
    """How a value may be written: as it is, in JSON, Python, HTML, XML, a URL or Base64, or in a
    name whose numbers the probe has left out.
    """
    encoded = base64.b64encode(value.encode(errors="surrogateescape")).decode()
    ways = {value, json.dumps(value)[1:-1], repr(value)[1:-1], html.escape(value), encoded}
    ways.add(re.sub(r"\d+", "*", value))
    ways |= {quote(value, safe="", errors="replace"), quote_plus(value, errors="replace")}
    return {way for way in ways if len(way) >= MIN_SECRET}


def printable(text: str, max_length: int = MAX_TEXT) -> str:
    """Words of somebody else that harm no reader, terminal or file.

    Control and escape characters, halves of characters, and marks that change the direction of
    writing become U+FFFD. Tabs and newlines stay: what must be on one line is put there by whoever
    writes the line.

    Args:
        text: of a server, a log, a probe or a disk.
        max_length: characters that are kept; an ellipsis takes the place of the rest.
    """
    text = SECRETS.masked(text[: max_length + MAX_SECRET])
    if len(text) > max_length:
        text = text[: max_length - len(_CUT)] + _CUT
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def without_secrets(words: Sequence[str]) -> str:
    """A command line as it may be written down."""
    return SECRETS.masked(shlex.join(_masked(words)).replace("'***'", MASK))


def _masked(words: Sequence[str]) -> Iterator[str]:
    option = ""
    for word in words:
        name, equals, value = word.partition("=")
        if name in _PAIRS and equals:
            yield f"{name}={_masked_pair(name, value)}"
        elif option in _PAIRS:
            yield _masked_pair(option, word)
        elif "--auth" in (option, name) and _VARIABLE_OF_LOGIN.fullmatch(value or word):
            yield word
        elif names_secret(option) and not word.startswith("-"):
            yield MASK
        elif equals and has_secret_name(name) and "://" not in name:
            yield f"{name}={MASK}"
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
