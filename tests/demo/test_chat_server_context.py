"""What the chat server keeps for a page, and what is left when the page has gone."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import psutil
import pytest
from chat_page import LIMIT_S, UNTRACKED_TASK, ChatServer, Page, eventually, running

from harness.demo.faults import untracked_task
from harness.target.embedded import FaultSpec

AGENT_BYTES = 8 * 2**20
SMALL_AGENTS = ("--agent-size", "8MiB")
CLEAN_UP = [
    "clean-up starts",
    "cleaning the context",
    "all background tasks cleaned",
    "tool client closed",
]
CANCELLED = "background initialisation cancelled"
WITHOUT_COLLECTOR = (
    sys.executable,
    "-c",
    "import gc, runpy; gc.disable(); runpy.run_module('harness.demo.chat_server', "
    "run_name='__main__', alter_sys=True)",
)


async def visit(server: ChatServer, switches: int = 1) -> Page:
    """A page that switches, talks and leaves, and is cleaned up."""
    async with server.page() as page:
        for _ in range(switches):
            await page.switch("en_unhelpful_ai.yaml")
            await page.chat("Hi.")
    await server.cleaned_up(page)
    return page


async def holds_agents(server: ChatServer, count: int, before_bytes: int) -> None:
    """Wait until it has so many agents more than before, within a tenth of one."""
    tenth = AGENT_BYTES / 10
    await eventually(
        lambda: (
            abs(server.own_bytes() - before_bytes - count * AGENT_BYTES) < tenth * max(count, 1)
        )  # per agent
    )


def has_ended(process: psutil.Process) -> bool:
    """Also where nobody has waited for it yet."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


async def test_a_page_that_closes_is_cleaned_up_step_by_step(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        talked, switched = await visit(server, switches=0), await visit(server, switches=1)
        assert server.log_of(talked) == ["page opened", *CLEAN_UP, "clean-up done"]
        assert server.log_of(switched) == [
            "page opened",
            *CLEAN_UP[:2],
            CANCELLED,
            *CLEAN_UP[2:],
            "clean-up done",
        ]


async def test_a_page_that_resets_in_a_reply_is_cleaned_up_the_same(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        async with server.page() as page:
            await page.send("text-input", text="Go on. [[tokens=5000 delay=0.01]]")
            await page.until("audio")
            page.drop()
        assert await server.cleaned_up(page) == ["page opened", *CLEAN_UP, "clean-up done"]
        assert server.process.children() == []


async def test_a_page_that_resets_while_its_agent_is_made_cancels_the_making(
    tmp_path: Path,
) -> None:
    with running(tmp_path, "--agent-size", "256MiB") as server:
        await visit(server)
        before_bytes = server.own_bytes()
        async with server.page() as page:
            await page.switch("en_nuke_debate.yaml")
            page.drop()
        assert CANCELLED in await server.cleaned_up(page)
        await holds_agents(server, 0, before_bytes)


async def test_a_switch_cancels_the_initialisation_before_it_and_its_character_answers(
    tmp_path: Path,
) -> None:
    with running(tmp_path, "--agent-size", "64MiB") as server:
        async with server.page() as page:
            await page.switch("en_nuke_debate.yaml")
            assert CANCELLED not in server.log_of(page)
            await page.switch("en_unhelpful_ai.yaml")
            assert CANCELLED in server.log_of(page)
            spoken = [
                message for message in await page.chat("Who are you?") if message["type"] == "audio"
            ]
        assert spoken[0]["display_text"]["name"] == "Gus"


async def test_an_interrupted_reply_goes_silent_and_the_page_talks_on(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        async with server.page() as page:
            await page.send("text-input", text="Go on. [[tokens=8000 delay=0]]")
            await page.until("audio")
            await page.interrupt()
            assert [message["type"] for message in await page.chat("Sorry?")].count("audio") == 3


async def test_every_page_has_a_tool_process_until_it_closes(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        async with server.page() as page, server.page():
            assert len(server.process.children()) == 2
            await page.websocket.close()
            await server.cleaned_up(page)
            assert len(server.process.children()) == 1


async def test_a_reply_without_a_tool_process_is_an_error_and_the_page_stays(
    tmp_path: Path,
) -> None:
    with running(tmp_path) as server:
        async with server.page() as page:
            (tool,) = server.process.children()
            tool.kill()
            await page.send("text-input", text="Hi.")
            error = (await page.until("error"))[-1]
            assert error["message"] == "Conversation error: the tool process has ended"
            await page.nothing_more()
        assert "clean-up done" in await server.cleaned_up(page)


async def test_a_killed_server_leaves_no_tool_process(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        async with server.page():
            (tool,) = server.process.children()
            server.process.kill()
            await eventually(lambda: has_ended(tool))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_closes_every_page_and_ends_with_status_0(
    tmp_path: Path, number: signal.Signals
) -> None:
    with running(tmp_path, "--agent-size", "64MiB") as server:
        async with server.page() as talking, server.page() as switching, server.page() as idle:
            await talking.send("text-input", text="Go on. [[tokens=5000 delay=0.01]]")
            await talking.until("audio")
            await switching.switch("zh_mili.yaml")
            tools = server.process.children()
            server.process.send_signal(number)
            # The pages' end of the connections does not run while this waits: none of them answers
            # the close frame.
            assert server.process.wait(LIMIT_S) == 0
            for page in (talking, switching, idle):
                assert server.log_of(page)[-1] == "clean-up done"
        assert len(tools) == 3
        assert not any(tool.is_running() for tool in tools)
        assert "Traceback" not in " ".join(server.log())


async def test_agents_go_with_their_pages_without_help_of_the_collector(tmp_path: Path) -> None:
    with running(tmp_path, *SMALL_AGENTS, command=WITHOUT_COLLECTOR) as server:
        for _ in range(3):
            await visit(server)
        before_bytes = server.own_bytes()
        for _ in range(6):
            await visit(server)
            async with server.page() as page:
                await page.send("text-input", text="Go on. [[tokens=5000 delay=0.01]]")
                await page.until("audio")
                page.drop()
            await server.cleaned_up(page)
        await eventually(lambda: server.own_bytes() - before_bytes < AGENT_BYTES)


async def test_without_a_fault_nothing_is_left_of_many_visits(tmp_path: Path) -> None:
    with running(tmp_path, *SMALL_AGENTS) as server:
        for _ in range(3):
            await visit(server)
        before = server.own_bytes(), server.process.num_fds(), server.process.num_threads()
        for _ in range(10):
            await visit(server)
        await holds_agents(server, 0, before[0])
        await eventually(
            lambda: (
                server.process.num_fds() <= before[1] and server.process.num_threads() <= before[2]
            )
        )
        assert server.process.children() == []


@pytest.mark.parametrize("switches", [1, 2])
async def test_an_untracked_task_keeps_one_agent_a_visit_and_is_never_cancelled(
    tmp_path: Path, switches: int
) -> None:
    with running(tmp_path, *SMALL_AGENTS, "--fault", UNTRACKED_TASK) as server:
        for _ in range(3):
            await visit(server, switches=0)
        before_bytes = server.own_bytes()
        pages = [await visit(server, switches) for _ in range(4)]
        await holds_agents(server, len(pages), before_bytes)
        for page in pages:
            assert server.log_of(page) == ["page opened", *CLEAN_UP, "clean-up done"]
        assert server.process.children() == []


async def test_an_untracked_task_takes_processor_time_for_ever(tmp_path: Path) -> None:
    with running(tmp_path, "--fault", UNTRACKED_TASK) as server:
        await visit(server)
        times = server.process.cpu_times()
        after = times.user + times.system + 0.02
        await eventually(lambda: sum(server.process.cpu_times()[:2]) > after)


def test_the_spec_of_the_fault_is_complete() -> None:
    spec = FaultSpec.from_data(untracked_task.SPEC)
    assert (spec.name, spec.scenario, spec.verdict, spec.gate) == (
        "untracked-task",
        "character-switch",
        "leak",
        "memory",
    )
    assert not spec.innocent
