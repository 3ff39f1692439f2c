"""Pages that share one conversation: who is with whom. Each page is a group of its own until it
is invited.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial

from .group_talk import Member, talk


@dataclass(slots=True)
class _Group:
    """Pages that share a conversation."""

    members: list[str]
    """Uids, the owner's first."""
    talk: asyncio.Task[None] | None = None
    """What their AIs say to one another."""


class Groups:
    """Pages by uid, and the group of each that has one; the first member owns it."""

    def __init__(self) -> None:
        self._pages: dict[str, Member] = {}
        self._group: dict[str, _Group] = {}

    def enter(self, page: Member) -> None:
        """Know a page that has opened."""
        self._pages[page.client_uid] = page

    def leave(self, page: Member) -> list[Member]:
        """Forget a page that closes; the pages that stay in its group."""
        self._pages.pop(page.client_uid, None)
        return self.take_out(page.client_uid)

    def add(self, owner: str, invitee: str) -> str:
        """Add a page to the owner's group; why that cannot be, or an empty text."""
        if invitee not in self._pages:
            return f"Client {invitee} is not connected"
        if invitee == owner or invitee in self._group:
            return f"Client {invitee} is in a group already"
        group = self._group.setdefault(owner, _Group([owner]))
        group.members.append(invitee)
        self._group[invitee] = group
        return ""

    def why_not_remove(self, owner: str, target: str) -> str:
        """Why the one page may not take the other out of its group, or an empty text."""
        members = self.members(owner)
        if target not in members:
            return f"Client {target} is not in the group"
        if owner not in (members[0], target):
            return "Only the owner may remove others"
        return ""

    def take_out(self, uid: str) -> list[Member]:
        """Take a page out of its group, whose talk has ended; the pages that stay in it."""
        group = self._group.pop(uid, None)
        if group is None:
            return []
        group.members.remove(uid)
        left = self.pages(group.members)
        if len(group.members) == 1:
            self._group.pop(group.members[0], None)
        return left

    def members(self, uid: str) -> list[str]:
        """Uids of a page's group, its own among them; empty without one."""
        return list(self._group[uid].members) if uid in self._group else []

    def is_owner(self, uid: str) -> bool:
        """Whether the group is this page's."""
        return self.members(uid)[:1] == [uid]

    def pages(self, uids: list[str]) -> list[Member]:
        """Those pages that are open."""
        return [self._pages[uid] for uid in uids if uid in self._pages]

    def start_talk(self, uid: str, words: str) -> None:
        """Have the page's group talk, beginning with these words, unless it talks already."""
        group = self._group[uid]
        if group.talk is None or group.talk.done():
            group.talk = asyncio.create_task(
                talk(partial(self.pages, group.members), words), name="group talk"
            )

    async def stop_talk(self, uid: str) -> list[Member]:
        """End the talk of a page's group; its pages, or an empty list where none talked."""
        group = self._group.get(uid)
        if group is None or group.talk is None:
            return []
        task, group.talk = group.talk, None
        task.cancel()
        await asyncio.wait({task})
        return self.pages(group.members)
