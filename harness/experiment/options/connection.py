"""Options on how sessions connect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ...option import FLAG, PAIRS, PATH, SIZE, SWITCH, TEXT, declared

GROUP: Final = "connection"
DEFAULT_PROTOCOL: Final = "open-llm-vtuber"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionOptions:
    """How each session connects, and who it says it is."""

    protocol: str | None = declared(
        "protocol",
        TEXT,
        "The chat protocol that the server speaks.",
        metavar="NAME",
        default_text=f"the one that the scenario names, else {DEFAULT_PROTOCOL}",
    )
    """The name of a chat protocol; None: as the scenario says."""
    header: Mapping[str, str] = declared("header", PAIRS, "A header for the handshake.")
    """Headers for the handshake."""
    cookie: Mapping[str, str] = declared("cookie", PAIRS, "A cookie for the handshake.")
    """Cookies for the handshake."""
    auth: str | None = declared(
        "auth",
        TEXT,
        "Send an Authorization header. With bearer:NAME the environment variable NAME holds the"
        " token. With basic:NAME it holds user:password.",
        metavar="KIND:NAME",
    )
    """`bearer:NAME` or `basic:NAME`, with the name of an environment variable."""
    origin: str | None = declared(
        "origin",
        TEXT,
        "The Origin header of the handshake, for servers that check it.",
        metavar="URL",
    )
    """The address of the page that a browser would come from."""
    unix: Path | None = declared("unix", PATH, "Connect to this Unix socket.", metavar="SOCKET")
    """A Unix socket; the URL still names host and path."""
    ca: Path | None = declared(
        "ca", PATH, "Trust the certificates in this PEM file.", metavar="FILE"
    )
    """None: trust what the system trusts."""
    insecure: bool = declared("insecure", FLAG, "Trust any certificate.", default=False)
    """Whether any certificate is trusted."""
    subprotocol: tuple[str, ...] = declared(
        "subprotocol",
        TEXT,
        "Offer this WebSocket subprotocol.",
        metavar="NAME",
        default=(),
        is_repeatable=True,
    )
    """Subprotocols in the order of preference."""
    max_message_bytes: int = declared(
        "max-message",
        SIZE,
        "The longest message that the server may send, after it was decompressed.",
        default=16 * 2**20,
    )
    """Bytes; a longer one fails its session."""
    compression: bool = declared(
        "compression", SWITCH, "Offer deflate compression, as browsers do.", default=True
    )
    """Whether deflate is offered."""
