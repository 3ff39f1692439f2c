"""What a page may ask for beside its turns: backgrounds, histories, groups."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from chat_page import ChatServer, Message, Page, running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChatServer]:
    with running(tmp_path_factory.mktemp("requests")) as started:
        yield started


async def asked(page: Page, kind: str, answer: str, **fields: object) -> Message:
    await page.send(kind, **fields)
    return (await page.until(answer))[-1]


async def test_backgrounds_and_the_own_configuration_are_told(server: ChatServer) -> None:
    async with server.page() as page:
        assert (await asked(page, "fetch-backgrounds", "background-files"))["files"]
        config = await asked(page, "request-init-config", "set-model-and-conf")
        assert config["client_uid"] == page.client_uid


async def test_turns_are_kept_in_a_history_from_its_creation_to_its_deletion(
    server: ChatServer,
) -> None:
    async with server.page() as page:
        await page.chat("before")
        uid = (await asked(page, "create-new-history", "new-history-created"))["history_uid"]
        await page.chat("kept")
        (only,) = (await asked(page, "fetch-history-list", "history-list"))["histories"]
        assert (only["uid"], only["latest_message"]["role"]) == (uid, "ai")
        said = (await asked(page, "fetch-and-set-history", "history-data", history_uid=uid))[
            "messages"
        ]
        assert (said[0]["role"], said[0]["content"]) == ("human", "kept")
        assert (await asked(page, "delete-history", "history-deleted", history_uid=uid))[
            "success"
        ] is True
        assert (await asked(page, "delete-history", "history-deleted", history_uid=uid))[
            "success"
        ] is False


async def test_an_empty_history_goes_when_they_are_listed_and_no_path_leads_out_of_their_folder(
    server: ChatServer,
) -> None:
    async with server.page() as page:
        await asked(page, "create-new-history", "new-history-created")
        assert (await asked(page, "fetch-history-list", "history-list"))["histories"] == []
        outside = "../../etc/passwd"
        assert (await asked(page, "fetch-and-set-history", "history-data", history_uid=outside))[
            "messages"
        ] == []
        assert (await asked(page, "delete-history", "history-deleted", history_uid=outside))[
            "success"
        ] is False


async def test_a_history_of_another_character_fails_the_turn(server: ChatServer) -> None:
    async with server.page() as page:
        await asked(page, "create-new-history", "new-history-created")
        configs = (await asked(page, "fetch-configs", "config-files"))["configs"]
        await page.switch(configs[1]["filename"])
        error = await asked(page, "text-input", "error", text="hi")
        assert error["message"].startswith("Conversation error: [Errno 2]")


async def group_answers(page: Page) -> tuple[Message, Message]:
    """Who is in the group, and the result of what changed it."""
    update, result = (await page.until("group-operation-result"))[-2:]
    return update, result


async def invite(owner: Page, guest: Page) -> None:
    await owner.send("add-client-to-group", invitee_uid=guest.client_uid)
    for page in (owner, guest):
        update, result = await group_answers(page)
        assert update["members"] == [owner.client_uid, guest.client_uid]
        assert (update["is_owner"], result["success"]) == (page is owner, True)


async def test_who_is_in_a_group_is_told_to_all_of_it(server: ChatServer) -> None:
    async with server.page() as owner, server.page() as guest:
        await invite(owner, guest)
        await owner.send("audio-play-start", display_text={"text": "hm"})
        assert (await guest.until("audio"))[-1]["forwarded"] is True
        await owner.send("remove-client-from-group", target_uid=guest.client_uid)
        for page in (owner, guest):
            update, result = await group_answers(page)
            assert (update["members"], result["success"]) == ([], True)


async def heard_by_a_listener(page: Page, speaker: Page) -> list[Message]:
    """One speaker's turn, which it plays, as the other page hears it."""
    await speaker.until("backend-synth-complete")
    await speaker.send("frontend-playback-complete")
    return await page.until("conversation-chain-end")


async def test_the_ais_of_a_group_answer_one_another_until_they_are_interrupted(
    server: ChatServer,
) -> None:
    async with server.page() as owner, server.page() as guest:
        await invite(owner, guest)
        await owner.send("text-input", text="The weather?")
        for listener, speaker in ((guest, owner), (owner, guest), (guest, owner)):
            heard = await heard_by_a_listener(listener, speaker)
            assert "audio" not in {message["type"] for message in heard if listener is guest}
        await guest.send("interrupt-signal", text="")
        for page in (owner, guest):
            assert (await page.until("interrupt-signal"))[-1]["text"] == "conversation-interrupted"
            await page.nothing_more()


async def test_a_member_that_leaves_ends_the_talk_in_an_error(server: ChatServer) -> None:
    async with server.page() as owner:
        async with server.page() as guest:
            await invite(owner, guest)
            await owner.send("text-input", text="The weather?")
            await heard_by_a_listener(guest, owner)
        seen = await owner.until("interrupt-signal")
        assert seen[-2] == {"type": "error", "message": "Error in conversation: "}
        assert (await owner.until("group-update"))[-1]["members"] == []
        assert (await owner.chat("Alone again."))[-1]["text"] == "conversation-chain-end"


@pytest.mark.parametrize("uid", ["nobody", None])
async def test_nobody_can_be_invited_who_is_not_there(server: ChatServer, uid: str | None) -> None:
    async with server.page() as page:
        result = await asked(page, "add-client-to-group", "group-operation-result", invitee_uid=uid)
        assert result["success"] is False
