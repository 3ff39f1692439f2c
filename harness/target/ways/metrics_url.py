"""A server elsewhere whose memory is on a Prometheus text page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar, Final

from ...errors import UsageError
from ...option import PAIRS, TEXT, Option, declared, from_option
from ...redaction import url_without_secrets
from ..target import Running, ServerUnderTest, Start

METRICS_URL: Final = Option(
    "metrics-url",
    TEXT,
    "The server is elsewhere: read its memory and CPU from this Prometheus text page.",
    metavar="URL",
)
READ: Final = ("rss", "cpu_s", "descriptors", "threads")
"""What can be read from a page."""


@dataclass(frozen=True, slots=True)
class MetricsUrl(Running):
    """A server whose Prometheus text page tells its memory and CPU."""

    NAME: ClassVar = "metrics_url"
    HELP_NAME: ClassVar = "--metrics-url"
    CHOSEN_BY: ClassVar = "metrics_url"

    metrics_url: str = from_option(METRICS_URL, required=True)
    """The address of the page."""
    _: KW_ONLY
    metric: Mapping[str, str] = declared(
        "metric",
        PAIRS,
        "Read rss from the metric NAME of the page. Also for cpu_s, descriptors and threads.",
        metavar="rss=NAME",
        default_text="the names of the Prometheus client libraries",
    )
    """Names on the page; those of the Prometheus client libraries where none is given."""

    def check(self) -> None:
        """See that the page has an address, and that each metric is known."""
        if not self.metrics_url.startswith(("http://", "https://")):
            raise UsageError(
                f"--metrics-url '{self.metrics_url}' is not an address",
                hint="give one with http:// or https://",
            )
        if unknown := [name for name in self.metric if name not in READ]:
            raise UsageError(
                f"--metric {unknown[0]}= is not known", hint=f"it can be {', '.join(READ)}"
            )

    def words(self, port: str) -> dict[str, str]:  # noqa: ARG002
        """The address of the page."""
        return {"metrics_url": url_without_secrets(self.metrics_url)}

    async def open(self, start: Start) -> ServerUnderTest:  # noqa: ARG002
        """Nothing is opened: the page is read when it is needed."""
        from ..remote import Page, Remote

        return Remote(Page(self.metrics_url, self.metric))
