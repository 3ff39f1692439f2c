"""Conversations that a page asks to keep: files in a folder of the server's own, by character."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
import uuid
from datetime import datetime
from pathlib import Path
from typing import Any, Final

_UID: Final = re.compile(r"[0-9-]{10}_[0-9-]{8}_[0-9a-f]{32}")


class Histories:
    """Conversations on disk. The folder is made with the first one and deleted with the server;
    nothing is held in memory.
    """

    def __init__(self) -> None:
        self._folder: Path | None = None

    def create(self, conf_uid: str) -> str:
        """Make an empty conversation; its uid."""
        uid = f"{datetime.now():%Y-%m-%d_%H-%M-%S}_{uuid.uuid4().hex}"
        self._of(conf_uid).mkdir(exist_ok=True)
        self._file(conf_uid, uid).write_text("[]", encoding="utf-8")
        return uid

    def add(self, conf_uid: str, uid: str, role: str, content: str, **who: str) -> None:
        """Add a message. A conversation that was never created begins with it.

        Raises:
            OSError: this character has no conversation yet. Each belongs to the character that
                spoke when it was made.
        """
        if not _UID.fullmatch(uid):
            return
        kept = self.messages(conf_uid, uid)
        kept.append(
            {
                "role": role,
                "timestamp": f"{datetime.now():%Y-%m-%dT%H:%M:%S}",
                "content": content,
                **who,
            }
        )
        self._file(conf_uid, uid).write_text(json.dumps(kept, ensure_ascii=False), encoding="utf-8")

    def messages(self, conf_uid: str, uid: str) -> list[dict[str, Any]]:
        """The messages of a conversation; empty where there is no such conversation."""
        if not _UID.fullmatch(uid):
            return []
        try:
            text = self._file(conf_uid, uid).read_text(encoding="utf-8")
        except OSError:
            return []
        kept: list[dict[str, Any]] = json.loads(text)
        return kept

    def all_of(self, conf_uid: str) -> list[dict[str, Any]]:
        """A character's conversations, the newest first. Empty ones are deleted."""
        histories = []
        self._of(conf_uid).mkdir(exist_ok=True)
        for file in sorted(self._of(conf_uid).glob("*.json"), reverse=True):
            if said := self.messages(conf_uid, file.stem):
                histories.append(
                    {
                        "uid": file.stem,
                        "latest_message": said[-1],
                        "timestamp": said[-1]["timestamp"],
                    }
                )
            else:
                file.unlink(missing_ok=True)
        return histories

    def delete(self, conf_uid: str, uid: str) -> bool:
        """Delete a conversation; whether there was one."""
        if not _UID.fullmatch(uid) or not (file := self._file(conf_uid, uid)).exists():
            return False
        file.unlink()
        return True

    def close(self) -> None:
        """Delete the folder."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _of(self, conf_uid: str) -> Path:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="chat-histories-"))
        return self._folder / re.sub(r"\W", "_", conf_uid)

    def _file(self, conf_uid: str, uid: str) -> Path:
        return self._of(conf_uid) / f"{uid}.json"
