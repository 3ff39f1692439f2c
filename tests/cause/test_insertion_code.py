"""The statement that puts entries into a container, in sources of many shapes."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.cause.container_in_source import Home
from harness.cause.insertion_code import insertion_of
from harness.cause.python_source import lines_around

CHAT = """
histories = {}
waiting = []

def load(user):
    return ["history of %s" % user]

async def chat(user):
    history = load(user)
    if user:
        histories[user] = history

class Room:
    def __init__(self):
        self.guests = {}
        self.guests["host"] = None

    def join(self, name):
        guests = self.guests
        guests.setdefault(name, []).append(name)

    def queue(self, name):
        heapq.heappush(waiting, name)
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "chat.py"
    path.write_text(CHAT)
    return str(path)


def _home(file: str, *names: str) -> Home:
    return Home(names, (file,), {})


def test_an_entry_is_told_by_the_statement_that_inserts_and_not_by_what_made_its_value(
    file: str,
) -> None:
    found = insertion_of("chat.histories", _home(file), [], f"{file}:6")
    assert found is not None
    assert (found.place, found.function) == (f"{file}:11", "chat")


def test_what_a_class_holds_is_told_by_its_method_and_its_first_entries_are_left_out(
    file: str,
) -> None:
    found = insertion_of("chat.Room.guests", _home(file, "chat.Room"), [], "")
    assert found is not None
    assert (found.place, found.function) == (f"{file}:20", "Room.join")


def test_a_heap_is_filled_by_a_function_that_takes_it(file: str) -> None:
    found = insertion_of("chat.waiting", _home(file), [], "")
    assert found is not None
    assert found.place == f"{file}:23"


def test_of_several_functions_that_insert_the_one_that_made_the_entry_did(tmp_path: Path) -> None:
    path = tmp_path / "seats.py"
    path.write_text(
        "seats = []\ndef take():\n    seats.append(object())\ndef give():\n    seats.append(5)\n"
    )
    home = Home((), (str(path),), {})
    assert insertion_of("seats.seats", home, [], "") is None
    found = insertion_of("seats.seats", home, [], f"{path}:3")
    assert found is not None
    assert found.function == "take"


def test_nothing_is_said_where_the_source_is_not_there() -> None:
    assert insertion_of("gone.seats", Home((), ("/srv/gone.py",), {}), [], "") is None


def test_a_line_is_shown_with_its_neighbours_and_their_numbers(file: str) -> None:
    assert lines_around(f"{file}:10") == (
        "   9 history = load(user)",
        "> 10 if user:",
        "  11     histories[user] = history",
    )
    assert lines_around(f"{file}:1000") == lines_around("/srv/gone.py:3") == lines_around("") == ()


@pytest.mark.parametrize(
    "statement",
    [
        "said = said + (word,)",
        "said = (*said, word)",
        "said = said | {word}",
        "said = word + '!' + said",
        "said = f'{said}{word}'",
        "said = {**said, word: 1}",
        "said += (word,)",
    ],
)
def test_what_is_bound_anew_and_longer_is_told_by_that_statement(
    tmp_path: Path, statement: str
) -> None:
    path = tmp_path / "room.py"
    path.write_text(f"said = ()\n\ndef hear(word):\n    global said\n    {statement}\n")
    found = insertion_of("room.said", _home(str(path)), [], "")
    assert found is not None
    assert (found.place, found.function) == (f"{path}:5", "hear")


@pytest.mark.parametrize(
    "statement", ["said = said[-9:]", "said = said - {word}", "said = (word,)", "said = ()"]
)
def test_what_is_bound_anew_and_not_longer_inserts_nothing(tmp_path: Path, statement: str) -> None:
    path = tmp_path / "room.py"
    path.write_text(f"said = ()\n\ndef hear(word):\n    global said\n    {statement}\n")
    assert insertion_of("room.said", _home(str(path)), [], "") is None
