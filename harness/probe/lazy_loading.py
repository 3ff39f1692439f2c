"""Most of the probe, loaded when a peer first connects: a process that nobody asks, say a tool,
starts the sooner.
"""

from __future__ import annotations

from socket import socket

from . import late_imports


def converse(connection: socket, folder: str) -> None:
    """One connection from its greeting to its end.

    Raises:
        OSError: the connection broke, or the peer fell silent.
        BadMessage: the peer does not speak this wire.
    """
    with late_imports.under_way:
        from . import conversation, gauges, handlers  # noqa: PLC0415 - the point of this module

        gauges.table()  # loads the file of each gauge
    handlers.use_folder(folder)
    conversation.converse(connection)
