"""A server whose processes cannot be looked at: what a Prometheus text page or a control group
says of it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import psutil
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from ..errors import NoMetrics, UsageError
from ..record.metrics import names
from ..record.record import FastSample, RestSample, Values
from ..redaction import url_without_secrets
from .attached import until_ready
from .bounded_http import AnswerUnbounded, fetch

if TYPE_CHECKING:
    from .probe_client import ProbeLink

CPU_S: Final = "cpu_s"
"""Seconds of CPU used so far; all else are names of metrics."""
PAGE_NAMES: Final[Mapping[str, str]] = {
    names.RSS: "process_resident_memory_bytes",
    CPU_S: "process_cpu_seconds_total",
    names.DESCRIPTORS: "process_open_fds",
    names.THREADS: "process_num_threads",
}
"""Names of the Prometheus client libraries; of a page of several jobs all of a name are added
up.
"""
READ_LIMIT_S: Final = 5.0
MAX_PAGE_BYTES: Final = 4 * 2**20
QUIET_S: Final = 0.25
QUIET_CPU_S: Final = 0.011
"""One tick of the clock that counts it."""
SETTLE_LIMIT_S: Final = 3.0
FAST_SAMPLE_EVERY_S: Final = 1.0
"""A page costs the server more than a look from outside."""


class Source(Protocol):
    """Where numbers come from."""

    async def read(self) -> Values:
        """`rss`, and what else is known: `cpu_s`, `descriptors`, `threads`.

        Raises:
            NoMetrics: it does not answer, or does not say how much memory is held.
        """
        ...


class Page:
    """A Prometheus text page."""

    def __init__(self, url: str, names: Mapping[str, str] | None = None) -> None:
        self._url = url
        self._shown = url_without_secrets(url)
        self._names = {**PAGE_NAMES, **(names or {})}

    async def read(self) -> Values:
        """Ask for the page once."""
        import httpx  # noqa: PLC0415 - slow to import, and few targets are remote

        try:
            async with httpx.AsyncClient(timeout=READ_LIMIT_S, follow_redirects=True) as client:
                answer = await fetch(
                    client,
                    "GET",
                    self._url,
                    max_bytes=MAX_PAGE_BYTES,
                    limit_s=READ_LIMIT_S,
                    headers={"Accept": "text/plain"},
                )
            answer.raise_for_status()
        except httpx.InvalidURL as error:
            raise UsageError(f"--metrics-url '{self._shown}' is not an address: {error}") from error
        except httpx.HTTPStatusError as error:
            status = error.response.status_code
            raise NoMetrics(
                f"--metrics-url {self._shown} answers with status {status}",
                hint="is the page there?",
            ) from error
        except (httpx.HTTPError, AnswerUnbounded) as error:
            raise NoMetrics(
                f"--metrics-url {self._shown}: {error}", hint="is the page there?"
            ) from error
        return self.values_in(answer.text)

    def values_in(self, text: str) -> Values:
        """What the text of the page says.

        Raises:
            NoMetrics: it is not a page of metrics, or has no memory.
        """
        try:
            families = list(text_string_to_metric_families(text))
        except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
            raise NoMetrics(
                f"--metrics-url {self._shown} is not a Prometheus text page: {error}"
            ) from error
        return self._values(families)

    def _values(self, families: Iterable[Metric]) -> Values:
        """The metrics that the page has, by our names: samples of one name are added up."""
        samples: dict[str, list[float]] = {}
        for family in families:
            for sample in family.samples:
                samples.setdefault(sample.name, []).append(sample.value)
        sums = {name: sum(values) for name, values in samples.items()}
        values = {metric: sums[name] for metric, name in self._names.items() if name in sums}
        memory_name = self._names[names.RSS]
        if not isfinite(values.get(names.RSS, 0.0)):
            raise NoMetrics(
                f"--metrics-url {self._shown}: {memory_name} is not a number: {values[names.RSS]}"
            )
        if names.RSS not in values:
            like_memory = sorted(name for name in sums if "bytes" in name or "memory" in name)
            raise NoMetrics(
                f"--metrics-url {self._shown} has no {memory_name}",
                why=f"of memory it says: {', '.join(like_memory[:8]) or 'nothing'}",
                hint="name one with --metric rss=NAME",
            )
        return {metric: value for metric, value in values.items() if isfinite(value)}


class GroupFiles:
    """The files of a control group, version 2: its memory without the cache of files on disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def read(self) -> Values:
        """Read its files once."""
        try:
            held = int((self._folder / "memory.current").read_text(encoding="ascii"))
            values = {names.RSS: float(held - self._number("memory.stat", "inactive_file"))}
        except (OSError, ValueError) as error:
            raise NoMetrics(
                f"--cgroup {self._folder}: {error}", hint="has the group ended?"
            ) from error
        if (used := self._number("cpu.stat", "usage_usec")) > 0:
            values[CPU_S] = used / 1e6
        return values

    def _number(self, file: str, name: str) -> int:
        try:
            lines = (self._folder / file).read_text(encoding="ascii").splitlines()
        except OSError:
            return 0
        return next((int(line.split()[1]) for line in lines if line.startswith(f"{name} ")), 0)


class Remote:
    """A server that is somewhere else: no process of it is known."""

    pid = 0
    exit_status: int | None = None

    def __init__(self, source: Source) -> None:
        self.source = source

    def check_alive(self) -> None:
        """Whether it lives shows in its answers alone."""

    async def ended_within(self, limit_s: float) -> bool:  # noqa: ARG002
        """Nobody can tell from here."""
        return False

    async def wait_ready(self, why_not: Callable[[], Awaitable[str]], limit_s: float) -> None:
        """See that it answers, and that its memory can be read.

        Raises:
            ServerNotReady: it does not answer within the limit.
            NoMetrics: its memory cannot be read.
        """
        await self.source.read()
        await until_ready(why_not, self.check_alive, limit_s, "is --url its address?")

    def processes(self) -> list[psutil.Process]:
        """None are known."""
        return []

    def pids(self) -> list[int]:
        """None are known."""
        return []

    def tree(self) -> list[int]:
        """Their ids, read in a way that any thread may use."""
        return []

    def sampler(self, probe: ProbeLink | None, began_s: float) -> RemoteSampler:  # noqa: ARG002
        """What reads the page or the group; nothing of it can hold a probe."""
        return RemoteSampler(self.source, began_s)

    async def stop(self) -> None:
        """It is not ours to stop."""


class RemoteSampler:
    """Samples of such a server, in the form of those of a local one."""

    def __init__(self, source: Source, began_s: float) -> None:
        self._source = source
        self._began_s = began_s
        self._last: Values = {}
        self._problem = ""
        """Why the latest reading failed; empty where it did not."""
        self._sampled_at_s = 0.0

    async def used_ns(self) -> float:
        """CPU used so far; 0 where that is not known."""
        await self._read()
        return self._last.get(CPU_S, 0.0) * 1e9

    async def fast_sample(self) -> FastSample:
        """RSS, at most once a second."""
        now_s = time.monotonic()
        if now_s - self._sampled_at_s < FAST_SAMPLE_EVERY_S:
            return FastSample(now_s - self._began_s, {})
        self._sampled_at_s = now_s
        values = await self._read()
        rss = {names.RSS: values[names.RSS]} if values else {}
        return FastSample(now_s - self._began_s, rss)

    async def rest(
        self,
        cycle: int,
        sessions: int,
        *,
        idle: bool = False,
        collect: bool = True,  # noqa: ARG002
    ) -> RestSample:
        """Wait for quiet, and read; `collect` is more than can be asked from here."""
        began_s = time.monotonic()
        before, settled, share = await self._read(), False, 0.0
        while not settled and time.monotonic() - began_s < SETTLE_LIMIT_S:
            await asyncio.sleep(QUIET_S)
            values = await self._read()
            used_s = values.get(CPU_S, 0.0) - before.get(CPU_S, 0.0)
            share = max(0.0, 100 * used_s / QUIET_S)
            settled = used_s <= QUIET_CPU_S and values.get(names.DESCRIPTORS) == before.get(
                names.DESCRIPTORS
            )
            before = values
        at_rest = {name: value for name, value in before.items() if name != CPU_S}
        if CPU_S in before:
            at_rest[names.CPU_AT_REST] = share
        now_s = time.monotonic()
        return RestSample(
            cycle,
            sessions,
            now_s - self._began_s,
            settled,
            now_s - began_s,
            at_rest,
            idle=idle,
            problems={"memory": self._problem} if self._problem else {},
        )

    async def _read(self) -> Values:
        """Empty where it could not be read: what is not known is not zero."""
        try:
            self._last = await self._source.read()
        except NoMetrics as error:
            self._problem = error.what
            return {}
        self._problem = ""
        return self._last
