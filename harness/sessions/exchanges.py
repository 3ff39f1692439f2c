"""Exchanges carried out on a connection, within a limit; and whose fault it is when one fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from ..errors import HarnessError, NoReply, ProtocolViolation
from .connection import Connection
from .contract import ChatProtocol, Data, Exchange, Mark, Receive, Send, Stage
from .decoding import Arrived, shown
from .script_errors import explained, in_words, line_in, near, of_script

T = TypeVar("T")


class Left(Exception):
    """The script leaves an exchange where it is."""


def exchange_of(
    protocol: ChatProtocol, action: str, arguments: tuple[Any, ...], named: dict[str, Any]
) -> Exchange[Any]:
    """A new exchange of this action.

    Raises:
        TypeError: these are not the action's arguments; the one that was probably meant is named.
    """
    make = getattr(protocol, action)
    given = [of_script(argument) for argument in arguments]
    try:
        exchange: Exchange[Any] = make(
            *given, **{key: of_script(value) for key, value in named.items()}
        )
    except TypeError as error:
        raise explained(error, make) from None
    return exchange


def unknown_action(protocol: ChatProtocol, kind: type, name: str) -> AttributeError:
    """The error of a script that asks a session of this class for what neither it nor the protocol
    has.
    """
    public = [word for word in dir(kind) if not word.startswith("_")]
    question = near(name, [*public, *protocol.actions])
    hint = f": {question}" if question else ""
    return AttributeError(
        f"the session has no '{name}'{hint}; "
        f"protocol '{protocol.name}' has {', '.join(sorted(protocol.actions))}"
    )


def no_mark(_: Stage) -> None:
    """Ignore that a stage was reached."""


async def carry_out(
    exchange: Exchange[T],
    connection: Connection,
    protocol: ChatProtocol,
    arrived: Arrived,
    reached: Callable[[Stage], None] = no_mark,
) -> T:
    """Send and receive what the exchange asks for, to its end; its result.

    Args:
        exchange: one action.
        connection: where it happens.
        protocol: whose exchange it is, for errors.
        arrived: is told of each message that comes.
        reached: is told of each stage; it may raise `Left`.

    Raises:
        ProtocolViolation: the server sent what the exchange cannot read.
    """
    answer: Data | None = None
    while True:
        try:
            step = exchange.send(answer)
        except StopIteration as done:
            result: T = done.value
            return result
        except Exception as error:
            if arrived.last is None:
                raise
            raise misread(error, protocol, arrived.last) from error
        answer = None
        match step:
            case Send():
                await connection.send(step.data)
            case Receive():
                answer = await connection.receive()
                arrived.add(answer)
            case Mark():
                reached(step.stage)


def misread(error: Exception, protocol: ChatProtocol, heard: Data) -> Exception:
    """What a protocol raised while it read a message: the server's fault, unless the error itself
    says whose.
    """
    # A name that does not exist has nothing to do with the message: it is the protocol's fault.
    if isinstance(error, HarnessError | NameError):
        return error
    where = line_in(error.__traceback__, "")
    why = f"{in_words(error)}{f' at {where}' if where else ''}"
    return ProtocolViolation(
        f"the server sent what protocol '{protocol.name}' cannot read ({why}): {shown(heard)}",
        hint="see every message with --once --trace",
    )


@asynccontextmanager
async def limited(
    action: str, limit_s: float, arrived: Arrived | None = None
) -> AsyncIterator[None]:
    """A block that may take this many seconds.

    Raises:
        NoReply: it took longer; it says what had arrived by then.
    """
    try:
        async with asyncio.timeout(limit_s) as limit:
            yield
    except TimeoutError as error:
        if not limit.expired():  # raised by what the script has handed over
            raise
        came = f": {arrived.in_words()}" if arrived is not None else ""
        what = f"{action}: not done within {limit_s:g}s{came}"
        raise NoReply(what, hint="see server.log, or raise the limit") from error
