"""What a page asks for next to its turns: backgrounds, histories, groups."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

from . import messages
from .context import ServiceContext, Services
from .group_talk import Member, tell
from .groups import Groups
from .messages import Message


class Page(Member, Protocol):
    """What a handler needs of a page, which is a `Session` of page.py."""

    context: ServiceContext
    services: Services
    history_uid: str
    """Where turns are kept; empty until the page asks for a history."""


async def _backgrounds(page: Page, _: Message) -> None:
    await page.send(
        {"type": "background-files", "files": ["ceiling-window-room-night.jpeg", "sunset.jpeg"]}
    )


async def _init_config(page: Page, _: Message) -> None:
    await page.send(
        messages.model_and_conf(page.context.character) | {"client_uid": page.client_uid}
    )


async def _group_info(page: Page, _: Message) -> None:
    await page.send(_update(page.services.groups, page.client_uid))


async def _new_history(page: Page, _: Message) -> None:
    page.history_uid = page.services.histories.create(page.context.character.conf_uid)
    await page.send({"type": "new-history-created", "history_uid": page.history_uid})


async def _histories(page: Page, _: Message) -> None:
    histories = page.services.histories.all_of(page.context.character.conf_uid)
    await page.send({"type": "history-list", "histories": histories})


async def _set_history(page: Page, message: Message) -> None:
    if uid := message.get("history_uid"):
        page.history_uid = str(uid)
        kept = page.services.histories.messages(page.context.character.conf_uid, str(uid))
        await page.send({"type": "history-data", "messages": kept})


async def _delete_history(page: Page, message: Message) -> None:
    if uid := message.get("history_uid"):
        gone = page.services.histories.delete(page.context.character.conf_uid, str(uid))
        if gone and page.history_uid == uid:
            page.history_uid = ""
        await page.send({"type": "history-deleted", "success": gone, "history_uid": uid})


async def _play_start(page: Page, message: Message) -> None:
    groups = page.services.groups
    silent = messages.audio(page.context.character, "", None)
    silent |= {"display_text": message.get("display_text"), "forwarded": True}
    for other in groups.pages(
        [uid for uid in groups.members(page.client_uid) if uid != page.client_uid]
    ):
        await other.send(silent)


async def _invite(page: Page, message: Message) -> None:
    uid = str(message.get("invitee_uid") or "")
    why = page.services.groups.add(page.client_uid, uid)
    await _tell(page, why, "Successfully added", page.services.groups.pages([uid]))


async def _remove(page: Page, message: Message) -> None:
    uid = str(message.get("target_uid") or "")
    gone = page.services.groups.pages([uid])
    why = page.services.groups.why_not_remove(page.client_uid, uid)
    if not why:
        await _cut_short(page)
        page.services.groups.take_out(uid)
    await _tell(page, why, "Successfully removed", gone)


async def _tell(page: Page, why: str, done: str, whom: Sequence[Member]) -> None:
    groups = page.services.groups
    if not why:
        for member in dict.fromkeys([*groups.pages(groups.members(page.client_uid)), page, *whom]):
            await tell([member], _update(groups, member.client_uid))
    result = {"type": "group-operation-result", "success": not why, "message": why or done}
    await tell(list(dict.fromkeys([page, *whom])), result)


async def _cut_short(page: Page) -> None:
    """A member goes: whatever the group was talking about ends in an error."""
    cut = await page.services.groups.stop_talk(page.client_uid)
    await tell(cut, messages.error("Error in conversation: "), messages.INTERRUPTED)


async def left(page: Page) -> None:
    """A page has closed: those that shared its group are told."""
    await _cut_short(page)
    for other in page.services.groups.leave(page):
        await tell([other], _update(page.services.groups, other.client_uid))


def _update(groups: Groups, uid: str) -> Message:
    """What a page is told of its group."""
    return {
        **messages.GROUP_UPDATE,
        "members": groups.members(uid),
        "is_owner": groups.is_owner(uid),
    }


HANDLERS: Final[dict[str, Callable[[Page, Message], Awaitable[None]]]] = {
    "fetch-backgrounds": _backgrounds,
    "request-init-config": _init_config,
    "request-group-info": _group_info,
    "create-new-history": _new_history,
    "fetch-history-list": _histories,
    "fetch-and-set-history": _set_history,
    "delete-history": _delete_history,
    "audio-play-start": _play_start,
    "add-client-to-group": _invite,
    "remove-client-from-group": _remove,
}
