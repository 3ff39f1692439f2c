"""One connection to the probe of one process: what is asked, and what comes back, checked."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from ..errors import ProbeError, ProbeVersionMismatch
from ..probe import wire

SHOWN_BYTES: Final = 80
"""The first bytes of a malformed answer, which an error shows."""

T = TypeVar("T")


class Peer:
    """A connection to one probe, after its greeting. It closes itself when something goes wrong."""

    def __init__(
        self, pid: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._pid = pid
        self._reader = reader
        self._writer = writer
        self.greeting: wire.Greeting

    @classmethod
    async def connect(cls, pid: int, path: Path) -> Peer:
        """Connect and hear the greeting.

        Raises:
            ProbeVersionMismatch: it is of another version.
        """
        peer = cls(pid, *await asyncio.open_unix_connection(path))
        greeting = await peer._receive()
        try:
            peer.greeting = _greeting(pid, greeting)
        except ProbeError:
            await peer.close()
            raise
        return peer

    async def ask(self, request: wire.Request) -> dict[str, object]:
        """Send a request and receive the message that answers it."""
        try:
            self._writer.write(wire.pack(request, wire.MAX_REQUEST_BYTES))
        except wire.BadMessage as error:
            what = f"process {self._pid} cannot be asked '{request['request']}'"
            raise defect(what, error) from error
        return await self._receive()

    async def _receive(self) -> dict[str, object]:
        data = b""
        try:
            data = await self._reader.readexactly(wire.HEADER_BYTES)
            data = await self._reader.readexactly(wire.body_bytes(data, wire.MAX_ANSWER_BYTES))
            return wire.unpack(data)
        except wire.BadMessage as error:
            self._writer.close()
            why = f"{error}; it begins with {data[:SHOWN_BYTES]!r}"
            raise defect(f"process {self._pid} does not answer as a probe", why) from error
        except BaseException:
            self._writer.close()
            raise

    async def close(self) -> None:
        """Hang up."""
        self._writer.close()
        with suppress(ConnectionError):
            await self._writer.wait_closed()


def _greeting(pid: int, message: Mapping[str, object]) -> wire.Greeting:
    version = message.get("wire")
    if version != wire.WIRE_VERSION:
        raise ProbeVersionMismatch(
            f"the probe in process {pid} speaks version {version} of the wire, "
            f"we speak {wire.WIRE_VERSION}",
            why="the server was started by another version of leak-harness",
            hint="let this version start the server",
        )
    return _checked(pid, message, wire.Greeting)


def checked_answer(pid: int, message: Mapping[str, object], wanted: type[T]) -> T:
    """The answer in a message, as a value of that type.

    Raises:
        ProbeError: the probe could not do what it was asked, or the answer is malformed.
    """
    if "error" in message:
        raise defect(f"the probe in process {pid} could not do what it was asked", message["error"])
    return _checked(pid, message.get("answer"), wanted)


def _checked(pid: int, value: object, wanted: type[T]) -> T:
    try:
        return msgspec.convert(value, wanted)
    except msgspec.ValidationError as error:
        shown = msgspec.json.encode(value)[:SHOWN_BYTES].decode(errors="replace")
        raise defect(
            f"process {pid} does not answer as a probe", f"{error}; it begins with {shown}"
        ) from error


def defect(what: str, why: object) -> ProbeError:
    """The error of an answer that no probe of this version gives."""
    return ProbeError(
        what,
        why=str(why),
        hint="this is a defect of leak-harness: please report it; --no-probe does without",
    )
