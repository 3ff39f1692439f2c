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
    """Nothing of them is held in memory; the folder is made with the first, and goes with the
    server.
    """

    def __init__(self) -> None:
        self._folder: Path | None = None

    def create(self, conf_uid: str) -> str:
        """A new one, empty; its uid."""
        uid = f"{datetime.now():%Y-%m-%d_%H-%M-%S}_{uuid.uuid4().hex}"
        self._of(conf_uid).mkdir(exist_ok=True)
        self._file(conf_uid, uid).write_text("[]", encoding="utf-8")
        return uid

    def add(self, conf_uid: str, uid: str, role: str, content: str, **who: str) -> None:
        """One message more; a history that was never created begins with it.

        Raises:
            OSError: the character has no histories yet: they are of the one in force when they were
                made.
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
        """All of one; empty where there is none."""
        if not _UID.fullmatch(uid):
            return []
        try:
            found: list[dict[str, Any]] = json.loads(
                self._file(conf_uid, uid).read_text(encoding="utf-8")
            )
        except OSError:
            return []
        return found

    def all_of(self, conf_uid: str) -> list[dict[str, Any]]:
        """Those of a character, the newest first; empty ones are deleted."""
        found = []
        self._of(conf_uid).mkdir(exist_ok=True)
        for file in sorted(self._of(conf_uid).glob("*.json"), reverse=True):
            if said := self.messages(conf_uid, file.stem):
                found.append(
                    {
                        "uid": file.stem,
                        "latest_message": said[-1],
                        "timestamp": said[-1]["timestamp"],
                    }
                )
            else:
                file.unlink(missing_ok=True)
        return found

    def delete(self, conf_uid: str, uid: str) -> bool:
        """Whether there was one."""
        if not _UID.fullmatch(uid) or not (file := self._file(conf_uid, uid)).exists():
            return False
        file.unlink()
        return True

    def close(self) -> None:
        """The server ends."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _of(self, conf_uid: str) -> Path:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="chat-histories-"))
        return self._folder / re.sub(r"\W", "_", conf_uid)

    def _file(self, conf_uid: str, uid: str) -> Path:
        return self._of(conf_uid) / f"{uid}.json"
