"""The documentation says what is true: commands run, links lead somewhere, the reference matches
the code.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import jsonschema
import pytest
from doc_pages import DOCS, FENCE, ROOT, Block, blocks, said, write_files

from harness.errors import ExitStatus

TUTORIAL = DOCS / "tutorial"


README = ROOT / "README.md"


CHINESE = ROOT / "README.zh-CN.md"


PAGES = sorted(DOCS.rglob("*.md"))


MADE = {
    DOCS / "reference" / name
    for name in ("options.md", "configuration.md", "results.md", "faults.md")
}
"""Made from the code: the words of help texts are tested where those are."""


PROSE = [
    README,
    *(ROOT / name for name in ("CONTRIBUTING.md", "SECURITY.md")),
    *sorted(set(PAGES) - MADE),
]


MAX_README_LINES = 120


MAX_SENTENCE_WORDS = 17
"""On average over a page."""


MACHINE_IS_BUSY = "".join(
    f'[[allow]]\ngate = "{gate}"\nreason = "other tests run at the same time"\n'
    for gate in ("latency", "cpu")
)
"""For the settings of a run whose verdict must not depend on how fast this machine is now."""


_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)


_LINK = re.compile(r"!?\[(?P<text>[^\]]*)\]\((?P<target>[^)\s]+)\)")


_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


@dataclass(frozen=True, slots=True)
class Step:
    """A command of a page, and what it says there."""

    command: str
    said: tuple[str, ...]
    """Pieces of its output, in order; `...` stands between them on the page."""


def steps(block: Block) -> list[Step]:
    """The commands of a console block."""
    found = []
    for part in re.split(r"^\$ ", block.code, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        pieces = (
            " ".join(piece.split()) for piece in re.split(r"^\.\.\.$", output, flags=re.MULTILINE)
        )
        found.append(Step(command, tuple(piece for piece in pieces if piece)))
    return found


def prose(page: Path) -> str:
    """The running text of a page: no code, tables, headings or addresses."""
    text = _COMMENT.sub("", FENCE.sub("", page.read_text(encoding="utf-8")))
    lines = [line for line in text.splitlines() if not line.lstrip().startswith(("|", "#"))]
    return re.sub(r"`[^`]*`", "code", _LINK.sub(r"\g<text>", "\n".join(lines)))


def sentences(page: Path) -> Iterator[str]:
    """The sentences of a page; an item of a list begins a new one."""
    for paragraph in re.split(r"\n\s*\n|\n\s*(?:[*-]|\d+\.)\s", prose(page)):
        for sentence in re.split(r"(?<=[.!?:])\s+", " ".join(paragraph.split())):
            if len(sentence.split()) > 1:
                yield sentence


def assert_says(output: str, pieces: tuple[str, ...]) -> None:
    """Each piece is in the output after the one before; any number stands for any other."""
    at = 0
    for piece in pieces:
        pattern = _NUMBER.sub(lambda _: _NUMBER.pattern, re.escape(piece).replace("\\.", "."))
        found = re.compile(pattern).search(output, at)
        assert found, f"the page says '{piece}', the command says:\n{output}"
        at = found.end()


def figures(page: Path) -> list[list[str]]:
    """The numbers of each row of the tables of a page; their order is the language's."""
    rows = [line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    return [sorted(_NUMBER.findall(row)) for row in rows]


def test_the_readme_fits_on_a_few_screens() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= MAX_README_LINES


@pytest.mark.parametrize("page", PROSE, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_is_written_in_short_sentences(page: Path) -> None:
    text = prose(page)
    assert ";" not in text
    lengths = [len(sentence.split()) for sentence in sentences(page)]
    assert not lengths or mean(lengths) <= MAX_SENTENCE_WORDS


def test_both_readmes_have_the_same_numbers_commands_and_sections() -> None:
    assert figures(README) == figures(CHINESE)
    codes = [
        [re.sub(r"#.*", "", block.code) for block in blocks(page)] for page in (README, CHINESE)
    ]
    assert codes[0] == codes[1]
    headings = [
        re.findall(r"^#+", page.read_text(encoding="utf-8"), re.MULTILINE)
        for page in (README, CHINESE)
    ]
    assert headings[0] == headings[1]


@pytest.mark.parametrize("page", [README, CHINESE])
def test_the_readme_names_every_exit_status(page: Path) -> None:
    named = re.findall(r"^\| (\d+) \|", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert {int(status) for status in named} == {int(status) for status in ExitStatus}


@pytest.mark.parametrize(
    "page", [*sorted(ROOT.glob("*.md")), *PAGES], ids=lambda page: str(page.relative_to(ROOT))
)
def test_relative_links_lead_to_files(page: Path) -> None:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    targets = {found["target"].partition("#")[0] for found in _LINK.finditer(text)}
    local = [target for target in targets if target and "://" not in target]
    assert [target for target in local if not (page.parent / target).exists()] == []


def test_the_reference_matches_the_code() -> None:
    check = [sys.executable, str(DOCS / "make_reference.py"), "--check"]
    done = subprocess.run(check, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_option_of_a_run_is_in_the_reference() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "harness", "run", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    options = set(re.findall(r"--[a-z][a-z-]+", shown.stdout)) - {"--help"}
    reference = "\n".join(
        page.read_text(encoding="utf-8") for page in (DOCS / "reference").glob("*.md")
    )
    assert len(options) > 40
    assert {option for option in options if not re.search(rf"{option}\b(?!-)", reference)} == set()


def test_the_schema_for_editors_accepts_the_files_of_the_pages_and_refuses_a_wrong_key() -> None:
    schema = json.loads((DOCS / "reference" / "leak-harness.schema.json").read_text())
    settings = [block.code for page in PAGES for block in blocks(page) if block.info == "toml"]
    assert len(settings) > 2
    for text in (*settings, (TUTORIAL / "leak-harness.toml").read_text()):
        plain = json.loads(json.dumps(tomllib.loads(text), default=str))
        jsonschema.validate(plain, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"limits": "1KiB"}, schema)


def test_the_site_builds_and_every_link_in_it_leads_somewhere(tmp_path: Path) -> None:
    build = [
        sys.executable,
        "-m",
        "mkdocs",
        "build",
        "--quiet",
        "--site-dir",
        str(tmp_path / "site"),
    ]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "site" / "verdict.html").exists()
    for page in (tmp_path / "site").rglob("*.html"):
        assert "```" not in page.read_text(encoding="utf-8"), (
            f"{page.name} has a block that is not drawn as one"
        )


def test_the_tutorial_shows_the_files_that_lie_next_to_it() -> None:
    shown = [block.code for block in blocks(TUTORIAL / "index.md")]
    for name in ("server.py", "visit.py", "leak-harness.toml"):
        assert (TUTORIAL / name).read_text(encoding="utf-8") in shown
    lines = (TUTORIAL / "server_fixed.py").read_text(encoding="utf-8").splitlines()
    assert lines[1:-1] == (TUTORIAL / "server.py").read_text(encoding="utf-8").splitlines()[1:]
    assert lines[-1] == "        task.cancel()"


@pytest.mark.slow
@pytest.mark.timeout(600)  # four runs, of which a machine that is busy makes minutes
def test_the_commands_of_the_tutorial_say_what_it_shows(tmp_path: Path) -> None:
    for name in ("server.py", "visit.py", "leak-harness.toml"):
        shutil.copy(TUTORIAL / name, tmp_path)
    with (tmp_path / "leak-harness.toml").open("a") as settings:
        settings.write(MACHINE_IS_BUSY)
    status = 0
    for block in blocks(TUTORIAL / "index.md"):
        if block.info == "diff":
            shutil.copy(TUTORIAL / "server_fixed.py", tmp_path / "server.py")
        for step in steps(block) if block.info == "console" else ():
            if step.command == "echo $?":
                assert step.said == (str(status),)
                continue
            status, output = said(tmp_path, step.command)
            assert_says(output, step.said)


@pytest.mark.slow
@pytest.mark.parametrize(
    "page",
    [
        page
        for page in sorted((DOCS / "how-to").glob("*.md"))
        if any(block.info == "console" for block in blocks(page))
    ],
    ids=lambda page: page.stem,
)
def test_the_server_and_the_scenario_of_a_page_understand_each_other(
    tmp_path: Path, page: Path
) -> None:
    write_files(page, tmp_path)
    (command,) = [
        step.command for block in blocks(page) if block.info == "console" for step in steps(block)
    ]
    status, output = said(tmp_path, f"{command} --once")
    assert status == 0, output


def test_the_five_lines_of_the_readme_speak_with_a_fastapi_server(tmp_path: Path) -> None:
    write_files(DOCS / "how-to" / "fastapi.md", tmp_path)
    (script,) = [block.code for block in blocks(README) if block.info == "python"]
    (tmp_path / "visit.py").write_text(script, encoding="utf-8")
    (command,) = [
        block.code.strip() for block in blocks(README) if block.code.startswith("leak-harness run")
    ]
    status, output = said(tmp_path, f"{command} --once")
    assert status == 0, output


def test_every_message_of_the_table_is_one_of_the_program() -> None:
    text = (DOCS / "troubleshooting.md").read_text(encoding="utf-8")
    section = text.partition("## Which page explains a message")[2].partition("\n## ")[0]
    cells = re.findall(r"^\| (`.*?) \| ", section, re.MULTILINE)
    messages = re.findall(r"`([^`]+)`", " ".join(cells))
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "harness").rglob("*.py"))
    joined = re.sub(r'"\s*\n\s*f?"', "", code)
    assert len(messages) > 20
    assert [message for message in messages if message not in joined] == []


def test_a_large_binary_is_refused_outside_of_data_and_docs(tmp_path: Path) -> None:
    def git(*words: str) -> None:
        name = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.com"]
        subprocess.run(["git", *name, *words], cwd=tmp_path, check=True, capture_output=True)

    def refused() -> str:
        script = ROOT / ".ci" / "refuse-large-binaries"
        done = subprocess.run(
            [str(script)], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == (1 if done.stderr else 0)
        return done.stderr

    git("init", "-q")
    for name, size in {"tests/data/run.bin": 200, "docs/picture.png": 200, "small.bin": 99}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(bytes(size * 1024))
    (tmp_path / "long.txt").write_text("a line\n" * 50_000)
    git("add", ".")
    git("commit", "-qm", "small enough")
    assert refused() == ""
    (tmp_path / "a wheel.whl").write_bytes(bytes(101 * 1024))
    git("add", ".")
    git("commit", "-qm", "too large")
    assert "a wheel.whl is a binary file of 103424 bytes, 102400 are allowed" in refused()
