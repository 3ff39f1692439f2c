"""Pages that share one conversation: who is with whom. Each page is a group of its own until it is invited."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .session import Session


class Groups:
    """Pages by uid, and the group of each that has one; the first member owns it."""

    def __init__(self) -> None:
        self._pages: dict[str, Session] = {}
        self._group: dict[str, list[str]] = {}

    def enter(self, page: Session) -> None:
        """A page has opened."""
        self._pages[page.client_uid] = page

    def leave(self, page: Session) -> list[Session]:
        """A page closes; those that it leaves behind."""
        self._pages.pop(page.client_uid, None)
        return self._take_out(page.client_uid)

    def add(self, owner: str, invitee: str) -> str:
        """Why it cannot be, or nothing."""
        if invitee not in self._pages:
            return f"Client {invitee} is not connected"
        if invitee == owner or invitee in self._group:
            return f"Client {invitee} is in a group already"
        members = self._group.setdefault(owner, [owner])
        members.append(invitee)
        self._group[invitee] = members
        return ""

    def remove(self, owner: str, target: str) -> str:
        """The same for taking somebody out."""
        members = self._group.get(owner, [])
        if target not in members:
            return f"Client {target} is not in the group"
        if owner not in (members[0], target):
            return "Only the owner may remove others"
        self._take_out(target)
        return ""

    def members(self, uid: str) -> list[str]:
        """Uids of a page's group, its own among them; empty without one."""
        return list(self._group.get(uid, []))

    def is_owner(self, uid: str) -> bool:
        """Whether the group is this page's."""
        return self._group.get(uid, [""])[0] == uid

    def pages(self, uids: list[str]) -> list[Session]:
        """Those of them that are open."""
        return [self._pages[uid] for uid in uids if uid in self._pages]

    def _take_out(self, uid: str) -> list[Session]:
        members = self._group.pop(uid, [])
        if uid in members:
            members.remove(uid)
        left = self.pages(members)
        if len(members) == 1:
            self._group.pop(members[0], None)
        return left
