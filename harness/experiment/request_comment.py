"""One comment on a pull or merge request, brought up to date at each run: GitHub and GitLab."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

import httpx

from ..errors import UsageError

MARK: Final = "<!-- leak-harness -->"
"""Begins a comment, so that the next run finds it."""
TOKEN: Final = "LEAK_HARNESS_TOKEN"
LIMIT_S: Final = 20.0
_PAGE: Final = 100
"""The most that either gives at once."""


@dataclass(frozen=True, slots=True)
class Thread:
    """The comments of one request."""

    comments: str
    """Where they are listed, and where a new one goes."""
    one: str
    """Where each of them is, before its number."""
    method: str
    """The HTTP method that changes a comment."""

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Thread | None:
        """The request that the CI runs for; None where it runs for none."""
        if request := re.fullmatch(r"refs/pull/(\d+)/.+", environment.get("GITHUB_REF", "")):
            issues = (
                f"{environment['GITHUB_API_URL']}/repos/{environment['GITHUB_REPOSITORY']}/issues"
            )
            return cls(f"{issues}/{request[1]}/comments", f"{issues}/comments", "PATCH")
        if number := environment.get("CI_MERGE_REQUEST_IID"):
            project = f"{environment['CI_API_V4_URL']}/projects/{environment['CI_PROJECT_ID']}"
            notes = f"{project}/merge_requests/{number}/notes"
            return cls(notes, notes, "PUT")
        return None

    def say(self, text: str, token: str) -> None:
        """Change our comment, or write the first.

        Raises:
            UsageError: it was refused, or nobody answered.
        """
        with httpx.Client(headers={"Authorization": f"Bearer {token}"}, timeout=LIMIT_S) as client:
            try:
                mine = self._mine(client)
                method, url = (
                    ("POST", self.comments) if mine is None else (self.method, f"{self.one}/{mine}")
                )
                client.request(method, url, json={"body": f"{MARK}\n{text}"}).raise_for_status()
            except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError) as error:
                raise UsageError(
                    f"the comment was not written: {error}", hint=f"may {TOKEN} do that?"
                ) from error

    def _mine(self, client: httpx.Client) -> Any:
        for page in count(1):
            answer = client.get(
                self.comments, params={"per_page": _PAGE, "page": page}
            ).raise_for_status()
            comments: list[dict[str, Any]] = answer.json()
            for comment in comments:
                if (comment["body"] or "").startswith(MARK):
                    return comment["id"]
            if len(comments) < _PAGE:
                break
        return None
