"""What a command line shows once it is written down."""

from __future__ import annotations

import pytest

from harness.redaction import without_secrets


@pytest.mark.parametrize(
    "words",
    [
        ["leak-harness", "run", "--sessions", "4", "--cycles", "10"],
        ["leak-harness", "run", "--sessions=4"],
        ["leak-harness", "run", "--auth", "bearer:CHAT_TOKEN"],
        ["leak-harness", "run", "--auth=basic:LOGIN"],
    ],
)
def test_a_stored_command_can_be_run_again(words: list[str]) -> None:
    assert without_secrets(words) == " ".join(words)


@pytest.mark.parametrize(
    ("words", "secret"),
    [
        (["app", "--password", "hunter2x"], "hunter2x"),
        (["app", "--session-key=abcdefgh"], "abcdefgh"),
        (["app", "--auth", "s3cret-value"], "s3cret-value"),
        (["run", "--cookie", "visit=abcdefgh"], "abcdefgh"),
        (["run", "--url", "ws://me:pw@localhost/ws"], "me:pw"),
    ],
)
def test_the_value_of_a_secret_is_masked(words: list[str], secret: str) -> None:
    written = without_secrets(words)
    assert secret not in written
    assert "***" in written
