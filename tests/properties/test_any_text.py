"""Words of others: whatever they are, they are printable, bounded and without secrets when they
leave.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from html.parser import HTMLParser

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from made_up import SETTINGS

from harness.redaction import MASK, MAX_TEXT, Secrets, is_maskable, printable, without_secrets
from harness.reporters import escaping
from harness.units import format_size, format_time, parse_size, parse_time_s

HARMFUL = "\x00\x07\x1b\x9b\r\x85\u2028\u202e\u2066\u200b\ud800\udfff\ufeff"
WORDS = st.text() | st.text(alphabet=HARMFUL + "\n\t:#[]<>&`*|=@!-ab ", max_size=60)
SECRET = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=5, max_size=40)
LIVE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


@given(WORDS)
@SETTINGS
def test_printable_text_holds_no_live_control_character(text: str) -> None:
    assert not LIVE.search(printable(text))


@given(WORDS, st.integers(1, 50))
@SETTINGS
def test_printable_text_is_no_longer_than_was_asked(text: str, length: int) -> None:
    assert len(printable(text, length)) <= length
    assert len(printable(text * 400)) <= MAX_TEXT


@given(WORDS)
@SETTINGS
def test_text_that_is_printable_stays_as_it_is(text: str) -> None:
    once = printable(text)
    assert printable(once) == once
    assert once.encode("utf-8").decode() == once


@given(WORDS)
@SETTINGS
def test_one_line_is_one_line(text: str) -> None:
    assert len(escaping.one_line(text).splitlines()) <= 1
    assert len(escaping.markdown(text).splitlines()) <= 1


@given(WORDS, WORDS)
@SETTINGS
def test_no_line_of_a_log_is_a_command_of_the_ci_that_reads_it(before: str, text: str) -> None:
    for line in escaping.log_lines(f"{before}\n{text}").split("\n"):
        assert not line.lstrip().startswith("::")
        assert "##[" not in line


@given(WORDS)
@SETTINGS
def test_the_message_of_a_workflow_command_ends_where_it_should(text: str) -> None:
    assert not set("\r\n") & {*escaping.workflow_message(text)}
    assert not set("\r\n:,") & {*escaping.workflow_property(text)}


class Tags(HTMLParser):
    """Counts what a browser would take for a tag."""

    count = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        """One more."""
        self.count += 1


@given(WORDS)
@SETTINGS
def test_markdown_holds_no_tag_no_code_and_no_cell(text: str) -> None:
    line = escaping.markdown(text)
    assert not re.search(r"(?<!\\)(\\\\)*[<>`*_|]", line)
    reader = Tags()
    reader.feed(line.replace("\\<", "&lt;"))
    assert not reader.count


@given(SECRET, WORDS, WORDS)
@SETTINGS
def test_a_secret_stands_nowhere_in_what_was_masked(secret: str, before: str, after: str) -> None:
    assume(is_maskable(secret) and MASK not in secret)
    secrets = Secrets()
    secrets.add([secret])
    assert secret not in secrets.masked(f"{before} {secret} {after}")
    assert secret not in json.loads(secrets.masked(json.dumps({"a": f"<{secret}>"})))["a"]


@given(SECRET, SECRET)
@SETTINGS
def test_one_secret_inside_another_leaves_neither(first: str, second: str) -> None:
    assume(is_maskable(first) and is_maskable(second) and MASK not in first + second)
    secrets = Secrets()
    secrets.add([first, first + second])
    masked = secrets.masked(f"x {first + second} {first} y")
    assert first not in masked


@pytest.mark.parametrize("option", ["--api-key", "--password", "--db-token"])
@given(value=st.text("abcdefgh0123456789+/=$'\"", min_size=6, max_size=30))
@SETTINGS
def test_the_value_of_an_option_that_names_a_secret_is_not_written(option: str, value: str) -> None:
    assume(not value.startswith("-"))
    assert value not in without_secrets(["serve", option, value])
    assert value not in without_secrets(["serve", f"{option}={value}"])


@given(st.floats(0, 2.0**50))
@SETTINGS
def test_a_size_that_was_written_is_read_as_the_same_size(size_bytes: float) -> None:
    read = parse_size(format_size(size_bytes))
    assert read == pytest.approx(size_bytes, rel=0.006, abs=0.51)


@given(st.floats(0.001, 1e7))
@SETTINGS
def test_a_time_that_was_written_is_read_as_the_same_time(time_s: float) -> None:
    assert parse_time_s(format_time(time_s)) == pytest.approx(time_s, rel=0.006)


@given(WORDS | st.text("0123456789.eEKkMmiBbs+- ", max_size=30))
@SETTINGS
def test_what_is_no_size_and_no_time_is_a_value_error_and_never_another(text: str) -> None:
    for parse in (parse_size, parse_time_s):
        with suppress(ValueError):
            assert 0 <= parse(text) < 2**61
