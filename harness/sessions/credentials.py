"""Who a session says it is: headers, cookies and tokens of the handshake."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping

from ..errors import UsageError


def headers_of(
    headers: Mapping[str, str], cookies: Mapping[str, str], login: str | None
) -> dict[str, str]:
    """The headers of a handshake, with cookies and `Authorization` among them.

    Args:
        headers: as they are.
        cookies: by their names.
        login: `bearer:NAME` or `basic:NAME`, with the name of an environment variable; None for
            no login.

    Raises:
        UsageError: `login` is of another form, or its variable is not set.
    """
    sent = dict(headers)
    if cookies:
        sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
    if login:
        sent["Authorization"] = _authorization(login)
    return sent


def _authorization(login: str) -> str:
    scheme, _, name = login.partition(":")
    if scheme not in ("bearer", "basic") or not name:
        raise UsageError(
            f"--auth {login} is neither bearer:NAME nor basic:NAME",
            hint="NAME is the name of an environment variable",
        )
    value = os.environ.get(name)
    if not value:
        secret = "the token" if scheme == "bearer" else "user:password"
        raise UsageError(
            f"--auth {login}: the environment has no {name}",
            hint=f"export {name} with {secret} in it",
        )
    if scheme == "bearer":
        return f"Bearer {value}"
    return f"Basic {base64.b64encode(value.encode()).decode()}"
