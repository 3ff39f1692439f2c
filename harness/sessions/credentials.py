"""What a server is told about who asks: headers, cookies and tokens of the handshake."""

from __future__ import annotations

import argparse
import base64
import os

from harness.errors import UsageError


def headers_of(options: argparse.Namespace) -> dict[str, str]:
    """The headers of a handshake: those given, cookies, and `Authorization` from the environment.

    Raises:
        UsageError: `--auth` names no way or no variable that is set.
    """
    headers = dict(options.header)
    if options.cookie:
        headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in options.cookie)
    if options.auth:
        headers["Authorization"] = _authorization(options.auth)
    return headers


def _authorization(words: str) -> str:
    kind, _, name = words.partition(":")
    if kind not in ("bearer", "basic") or not name:
        raise UsageError(
            f"--auth {words} is neither bearer:NAME nor basic:NAME",
            hint="NAME is that of a variable",
        )
    value = os.environ.get(name)
    if not value:
        what = "the token" if kind == "bearer" else "user:password"
        raise UsageError(
            f"--auth {words}: the environment has no {name}",
            hint=f"export {name} with {what} in it",
        )
    return (
        f"Bearer {value}"
        if kind == "bearer"
        else f"Basic {base64.b64encode(value.encode()).decode()}"
    )
