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
    """Uids of its pages, and what their AIs say to one another."""

    members: list[str]
    talk: asyncio.Task[None] | None = None


class Groups:
    """Pages by uid, and the group of each that has one; the first member owns it."""

    def __init__(self) -> None:
        self._pages: dict[str, Member] = {}
        self._group: dict[str, _Group] = {}

    def enter(self, page: Member) -> None:
        """A page has opened."""
        self._pages[page.client_uid] = page

    def leave(self, page: Member) -> list[Member]:
        """A page closes; those that it leaves behind."""
        self._pages.pop(page.client_uid, None)
        return self.take_out(page.client_uid)

    def add(self, owner: str, invitee: str) -> str:
        """Why it cannot be, or nothing."""
        if invitee not in self._pages:
            return f"Client {invitee} is not connected"
        if invitee == owner or invitee in self._group:
            return f"Client {invitee} is in a group already"
        group = self._group.setdefault(owner, _Group([owner]))
        group.members.append(invitee)
        self._group[invitee] = group
        return ""

    def why_not_remove(self, owner: str, target: str) -> str:
        """Why that page may not take that other one out, or nothing."""
        members = self.members(owner)
        if target not in members:
            return f"Client {target} is not in the group"
        if owner not in (members[0], target):
            return "Only the owner may remove others"
        return ""

    def take_out(self, uid: str) -> list[Member]:
        """Of its group, whose talk has been stopped before; those that are left in it."""
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
        """Those of them that are open."""
        return [self._pages[uid] for uid in uids if uid in self._pages]

    def start_talk(self, uid: str, words: str) -> None:
        """Have the page's group talk about that, unless it does so already."""
        group = self._group[uid]
        if group.talk is None or group.talk.done():
            group.talk = asyncio.create_task(
                talk(partial(self.pages, group.members), words), name="group talk"
            )

    async def stop_talk(self, uid: str) -> list[Member]:
        """The pages of the group whose talk that has ended; empty when there was none."""
        group = self._group.get(uid)
        if group is None or group.talk is None:
            return []
        task, group.talk = group.talk, None
        task.cancel()
        await asyncio.wait({task})
        return self.pages(group.members)
