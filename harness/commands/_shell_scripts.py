"""Scripts for bash, zsh and fish that complete a line: made from the verbs and their arguments."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

_PATHS: Final = frozenset(("AFTER", "DIR", "FILE", "PATH", "RUN", "SCENARIO", "SERIES", "SOCKET"))
"""What the help calls a value that is a file or a folder."""


@dataclass(frozen=True, slots=True)
class Argument:
    """One option of a verb, or what it takes without dashes."""

    names: tuple[str, ...]
    """`--probe` and `--no-probe`; empty: it stands without dashes."""
    text: str
    """Its help, on one line."""
    metavar: str
    """What the help calls the value; empty: it takes none."""
    values: tuple[str, ...]
    """The values that are known."""

    @property
    def is_path(self) -> bool:
        """Whether the value is a file or a folder."""
        return self.metavar.partition(".")[0] in _PATHS


Verbs = Mapping[str, tuple[str, tuple[Argument, ...]]]
"""Each verb with its help and its arguments."""


def _bash(verbs: Verbs) -> Iterator[str]:
    yield from (
        "_leak_harness() {",
        "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}",
        '    local words="" files=""',
        '    if [ "$word" = = ]; then',
        '        word=""',
        '    elif [ "$before" = = ]; then',
        "        before=${COMP_WORDS[COMP_CWORD-2]}",
        "    fi",
        '    if [ "$COMP_CWORD" -eq 1 ]; then',
        f'        words="{" ".join(verbs)} --help --version"',
        "    else",
        '        case "${COMP_WORDS[1]}" in',
    )
    for name, (_, arguments) in verbs.items():
        yield f"        {name})"
        yield '            case "$before" in'
        for given, names in _bash_options(arguments).items():
            yield f"            {'|'.join(names)}) {given} ;;"
        options = " ".join(word for argument in arguments for word in argument.names)
        positional = tuple(argument for argument in arguments if not argument.names)
        yield f"            *) {_bash_values(positional, options)} ;;"
        yield "            esac ;;"
    yield from (
        "        esac",
        "    fi",
        '    [ -z "$files" ] || compopt -o filenames',
        '    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word"',
        '        [ -z "$files" ] || compgen -f -- "$word")',
        "}",
        "complete -F _leak_harness leak-harness",
    )


def _bash_options(arguments: tuple[Argument, ...]) -> dict[str, list[str]]:
    """The options with a value, by what is given after them."""
    options: dict[str, list[str]] = {}
    for argument in arguments:
        if argument.names and argument.metavar:
            options.setdefault(_bash_values((argument,)), []).extend(argument.names)
    return options


def _bash_values(arguments: tuple[Argument, ...], options: str = "") -> str:
    words = " ".join([*options.split(), *(value for part in arguments for value in part.values)])
    return f'words="{words}"' + (" files=1" if any(part.is_path for part in arguments) else "")


def _zsh(verbs: Verbs) -> Iterator[str]:
    yield "#compdef leak-harness"
    yield "_leak-harness() {"
    yield "    local -a verbs=("
    for name, (text, _) in verbs.items():
        yield f"        {_quoted(f'{name}:{text}')}"
    yield from (
        "    )",
        "    if (( CURRENT == 2 )); then",
        "        _describe command verbs",
        "        return",
        "    fi",
        "    local verb=$words[2]",
        "    shift words",
        "    (( CURRENT-- ))",
        "    case $verb in",
    )
    for name, (_, arguments) in verbs.items():
        yield f"    {name})"
        yield "        _arguments \\"
        for argument in arguments:
            for spec in _zsh_specs(argument):
                yield f"            {_quoted(spec)} \\"
        yield "            && return ;;"
    yield from (
        "    esac",
        "}",
        'if [ "$funcstack[1]" = _leak-harness ]; then',
        '    _leak-harness "$@"',
        "else",
        "    compdef _leak-harness leak-harness",
        "fi",
    )


def _zsh_specs(argument: Argument) -> Iterator[str]:
    """What `_arguments` is told, one text for each name."""
    values = f"({' '.join(argument.values)})" if argument.values else " "
    if argument.is_path and argument.values:
        # The space keeps zsh from handing its own options on.
        values = f' _alternative "names:name:{values}" "files:file:_files"'
    elif argument.is_path:
        values = "_files"
    metavar = argument.metavar.replace(":", "\\:")
    if not argument.names:
        yield f"*:{metavar}:{values}"
    text = argument.text
    for special in "\\[]:":
        text = text.replace(special, f"\\{special}")
    for name in argument.names:
        yield f"*{name}=[{text}]:{metavar}:{values}" if argument.metavar else f"{name}[{text}]"


def _fish(verbs: Verbs) -> Iterator[str]:
    begin = "complete -c leak-harness"
    yield f"{begin} -f"
    yield f"{begin} -n __fish_use_subcommand -l version -d 'Print the version and exit.'"
    for name, (text, arguments) in verbs.items():
        yield f"{begin} -n __fish_use_subcommand -a {name} -d {_fish_quoted(text)}"
        for argument in arguments:
            yield from _fish_lines(f"{begin} -n '__fish_seen_subcommand_from {name}'", argument)


def _fish_lines(begin: str, argument: Argument) -> Iterator[str]:
    values = f" -a '{' '.join(argument.values)}'" if argument.values else ""
    if not argument.names:
        yield f"{begin}{' -F' if argument.is_path else ''}{values}"
    takes = ""
    if argument.metavar:
        takes = " -r -F" if argument.is_path else " -x"
    for name in argument.names:
        kind = "-l" if name.startswith("--") else "-s"
        text = _fish_quoted(argument.text)
        yield f"{begin} {kind} {name.lstrip('-')}{takes}{values} -d {text}"


def _quoted(text: str) -> str:
    """The text as one word of zsh."""
    return "'" + text.replace("'", "'\\''") + "'"


def _fish_quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


SCRIPTS: Final[Mapping[str, Callable[[Verbs], Iterator[str]]]] = {
    "bash": _bash,
    "zsh": _zsh,
    "fish": _fish,
}
"""What writes the script of each shell."""
