"""What processes have open, from outside: descriptors by kind, child processes by command,
memory by mapping.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ..redaction import SECRETS

_VARYING: Final = re.compile(
    r"[0-9a-f]{8}(-?[0-9a-f]{4}){2,}[0-9a-f]*|(?<=tmp)[a-z0-9_]{8}|[0-9a-f]{6,}|\d+"
)
"""Ids, random parts of temporary names, numbers."""
MAX_WORDS: Final = 12
DEFUNCT: Final = " <defunct>"
"""After the name of a process that has ended and that nobody has waited for, as `ps` has it."""
_PLAIN_ADDRESS: Final = 8
_KIB: Final = 1024


class Unread(Counter[str]):
    """What could not be read although it is there, counted by reason."""

    @contextmanager
    def noting(self, what: str) -> Iterator[None]:
        """Leave the block where something in it cannot be read. A process that is gone by then is
        not counted.
        """
        try:
            yield
        except (FileNotFoundError, ProcessLookupError):
            pass
        except OSError as error:
            self[f"{what}: {error.strerror or error}"] += 1


def without_numbers(words: str) -> str:
    """The words with a star for all that differs from one of their kind to the next."""
    return _VARYING.sub("*", SECRETS.masked(words))  # what is left of one could not be found


def open_paths(pids: Iterable[int], unread: Unread | None = None) -> list[str]:
    """What each descriptor of these processes leads to: a path, `pipe`, `anon_inode:[eventfd]`,
    `tcp 127.0.0.1:80`.
    """
    unread = Unread() if unread is None else unread
    paths = []
    for pid in pids:
        sockets = _sockets(pid, unread)
        with unread.noting("descriptors of a process"):
            for link in Path(f"/proc/{pid}/fd").iterdir():
                with unread.noting("a descriptor"):
                    target = str(link.readlink())
                    paths.append(
                        sockets.get(target, "socket") if target.startswith("socket:") else target
                    )
    return paths


def descriptors(pids: Iterable[int], unread: Unread | None = None) -> dict[str, int]:
    """Descriptors counted by what they lead to, numbers left out."""
    counts = Counter(without_numbers(path) for path in open_paths(pids, unread))
    return dict(counts.most_common(500))


def command(pid: int, unread: Unread | None = None) -> list[str]:
    """The words by which a process was started; of a zombie its name, marked; none of one that is
    gone.
    """
    unread = Unread() if unread is None else unread
    with unread.noting("the command of a process"):
        text = Path(f"/proc/{pid}/cmdline").read_bytes()
        if not text:
            return _zombie(pid)
        return [word.decode(errors="replace") for word in text.rstrip(b"\0").split(b"\0")]
    return []


def _zombie(pid: int) -> list[str]:
    """The name of a zombie, of which the kernel keeps 15 characters; none of another process."""
    name, _, rest = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")
    is_zombie = rest.split()[:1] == ["Z"]
    return [f"{name.partition('(')[2]}{DEFUNCT}"] if is_zombie else []


def children(pids: Sequence[int], unread: Unread | None = None) -> dict[str, int]:
    """Processes counted by program and arguments, folders and numbers left out."""
    commands = (command(pid, unread) for pid in pids)
    return dict(Counter(program(words) for words in commands if words))


def program(words: Sequence[str]) -> str:
    """A command, short: without folders and without numbers."""
    return without_numbers(" ".join(word.rpartition("/")[2] for word in words[:MAX_WORDS]))


def mappings(pids: Iterable[int], unread: Unread | None = None) -> dict[str, int]:
    """Resident bytes by kind of mapping: `[heap]`, `[anonymous]`, `[stack]`, or the name of a
    file.
    """
    unread = Unread() if unread is None else unread
    resident: Counter[str] = Counter()
    for pid in pids:
        with unread.noting("the mappings of a process"):
            name = ""
            for line in (
                Path(f"/proc/{pid}/smaps")
                .read_text(encoding="utf-8", errors="replace")
                .splitlines()
            ):
                if line.startswith("Rss:"):
                    resident[name] += int(line.split()[1]) * _KIB
                elif "-" in line.partition(" ")[0] and not line.partition(" ")[0].endswith(":"):
                    words = line.split(maxsplit=5)
                    name = words[5].rpartition("/")[2] if len(words) > 5 else "[anonymous]"
    return dict(resident.most_common(50))


def _sockets(pid: int, unread: Unread) -> dict[str, str]:
    """By the link that a descriptor shows: the protocol and the address at either end."""
    by_link = {}
    for family in ("tcp", "tcp6"):
        with unread.noting("the sockets of a process"):
            for line in (
                Path(f"/proc/{pid}/net/{family}").read_text(encoding="ascii").splitlines()[1:]
            ):
                words = line.split()
                by_link[f"socket:[{words[9]}]"] = f"tcp {_address(words[1])} - {_address(words[2])}"
    with unread.noting("the sockets of a process"):
        for line in (
            Path(f"/proc/{pid}/net/unix")
            .read_text(encoding="utf-8", errors="replace")
            .splitlines()[1:]
        ):
            words = line.split(maxsplit=7)
            by_link[f"socket:[{words[6]}]"] = f"unix {words[7] if len(words) > 7 else ''}".strip()
    return by_link


def _address(text: str) -> str:
    """`0100007F:1F90` of /proc/net/tcp: the bytes of each word in the order of the machine."""
    host, _, port = text.partition(":")
    if len(host) != _PLAIN_ADDRESS:
        return f"[v6]:{int(port, 16)}"
    return ".".join(str(byte) for byte in reversed(bytes.fromhex(host))) + f":{int(port, 16)}"
