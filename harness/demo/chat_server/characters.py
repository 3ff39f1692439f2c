"""Characters: who answers, read from a folder of TOML files."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

FIRST: Final = "conf.toml"
"""The character that a page opens with."""
SHOWN_SUFFIX: Final = ".yaml"
"""How names end in messages: pages know the files of the server that this one imitates."""


class CharactersInvalid(Exception):
    """The folder holds no usable characters."""


class ConfigNotFound(Exception):
    """A page asked for a character that does not exist. The page is sent the text."""


@dataclass(frozen=True, slots=True)
class Backends:
    """The state of the services behind a character."""

    model: str = "up"
    """`up` or `down`."""
    speech: str = "up"
    """`up` or `down`."""
    retry_s: float = 2.5
    """How long a model that is down is tried before the page is told."""


@dataclass(frozen=True, slots=True)
class Character:
    """One file of the folder: who answers, with what."""

    file: str
    """The name by which pages know it: `conf.yaml`."""
    conf_name: str
    conf_uid: str
    name: str
    avatar: str
    model_info: dict[str, Any]
    replies: tuple[tuple[str, ...], ...]
    """Scripted replies, each of some sentences."""
    backends: Backends

    @property
    def emotions(self) -> Mapping[str, int]:
        """Emotion key to the expression of the avatar."""
        emotions: dict[str, int] = self.model_info.get("emotionMap", {})
        return emotions


@dataclass(frozen=True, slots=True)
class Cast:
    """All characters, the first one first."""

    characters: tuple[Character, ...]

    @property
    def first(self) -> Character:
        """Who greets a new page."""
        return self.characters[0]

    def find(self, file: str) -> Character:
        """The character of that file name.

        Raises:
            ConfigNotFound: there is none, or the name leads out of the folder.
        """
        if Path(file).is_absolute() or ".." in Path(file).parts:
            raise ConfigNotFound("Invalid configuration file path")
        for character in self.characters:
            if character.file == file:
                return character
        raise ConfigNotFound(f"Configuration file not found: characters/{file}")


def load_cast(folder: Path) -> Cast:
    """Read every TOML file of `folder`; `conf.toml` comes first, the others by name.

    Raises:
        CharactersInvalid: there is no `conf.toml`, or a file is not a character.
    """
    files = sorted(folder.glob("*.toml"), key=lambda file: (file.name != FIRST, file.name))
    if not files:
        raise CharactersInvalid(f"characters folder {folder} holds no TOML file (*.toml)")
    if files[0].name != FIRST:
        raise CharactersInvalid(
            f"characters folder {folder} holds no {FIRST}, which a page opens with"
        )
    return Cast(tuple(_load_character(file) for file in files))


def _load_character(file: Path) -> Character:
    try:
        data = tomllib.loads(file.read_text("utf-8"))
        return Character(
            file=file.with_suffix(SHOWN_SUFFIX).name,
            conf_name=str(data["conf_name"]),
            conf_uid=str(data["conf_uid"]),
            name=str(data["character_name"]),
            avatar=str(data["avatar"]),
            model_info=dict(data["model_info"]),
            replies=_replies(data["replies"]),
            backends=Backends(**data.get("backends", {})),
        )
    except KeyError as error:
        raise CharactersInvalid(f"character {file} has no {error}") from error
    except (OSError, ValueError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise CharactersInvalid(f"character {file} cannot be read: {reason}") from error


def _replies(data: list[list[str]]) -> tuple[tuple[str, ...], ...]:
    replies = tuple(tuple(map(str, reply)) for reply in data)
    if not replies or not all(replies):
        raise ValueError("'replies' must be a list of lists of sentences, none of them empty")
    return replies
