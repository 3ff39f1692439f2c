"""What the harness asks the probes of a server, and what they answer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Final, TypeVar

from ..errors import ProbeError, ProbeSilent
from ..probe import wire
from ..record.record import Values
from .probe_answers import (
    CauseAnswer,
    CensusAnswer,
    Collection,
    GarbageAnswer,
    NativeAnswer,
)
from .probe_health import Health, LeftOut
from .probe_peer import SHOWN_BYTES, checked_answer, defect
from .probe_peers import ProbePeers

ANSWER_LIMIT_S: Final = 60.0
MAX_FOLLOWED: Final = 40_000
"""Containers whose lengths a census is asked for: so many fit into a request."""
QUICK_LIMIT_S: Final = 15.0
"""Of what is asked after each cycle, where several processes answer: one that is this late is left
out.
"""
_QUICK: Final = ("sample", "collect")

T = TypeVar("T")


class ProbeLink(ProbePeers):
    """Asks all processes that have a probe at once; each question has its typed answer.

    Raises:
        ProbeError: no folder for sockets can be made.
    """

    def __init__(self) -> None:
        super().__init__()
        self._asking = asyncio.Lock()
        self._health = Health()

    async def collect(self, limit_s: float = ANSWER_LIMIT_S) -> dict[int, Collection]:
        """Collect garbage in every process, let its loops finish what that closed, collect again
        and trim, by pid.

        Raises:
            ProbeSilent: a process that lives did not answer in time.
            ProbeVersionMismatch: one speaks another version of the wire.
            ProbeError: one could not do it.
        """
        return await self._ask_all(wire.Request(request="collect"), Collection, limit_s)

    async def plant(self, size_bytes: int, count: int) -> None:
        """Leak `count` blocks in the oldest process: the control that a run finds what it is to
        find.

        Raises:
            ProbeError: it does not answer, or that size cannot be planted.
        """
        request = wire.PlantRequest(request="plant", bytes=size_bytes, count=count)
        async with self._asking:
            pid = min(self.listening(), default=0)
            answer = await self.ask(pid, request, ANSWER_LIMIT_S)
        if answer is None:
            raise ProbeSilent(
                "no process of the server has a probe any more", hint="see server.log"
            )
        checked_answer(pid, answer, int)

    async def census(
        self, followed: Iterable[int], limit_s: float = ANSWER_LIMIT_S
    ) -> dict[int, CensusAnswer]:
        """What the heap of every process holds, by pid; `lengths` names a file, for the caller to
        remove.

        Raises:
            ProbeError: one did not answer in time, or could not do it.
        """
        numbers = [str(number) for number in islice(followed, MAX_FOLLOWED)]
        request = wire.CensusRequest(request="census", followed=numbers)
        answers = await self._ask_all(request, CensusAnswer, limit_s)
        for pid, answer in answers.items():  # the file will be removed: no other one may be named
            if Path(answer.lengths).parent != self.folder:
                raise defect(
                    f"process {pid} does not answer as a probe",
                    f"its file is {answer.lengths[:SHOWN_BYTES]!r}",
                )
        return answers

    async def causes(
        self,
        targets: Sequence[wire.Target],
        limit_s: float = ANSWER_LIMIT_S,
        drawn: Sequence[str] = (),
    ) -> dict[int, dict[str, CauseAnswer]]:
        """Why each target is still there, by pid and the target's `key`.

        Args:
            targets: what is asked about.
            limit_s: seconds for all processes.
            drawn: keys of targets of which a graph of references is wanted.

        Raises:
            ProbeError: one did not answer in time, or could not do it.
        """
        request = wire.CausesRequest(request="causes", targets=list(targets))
        if drawn:
            request["drawn"] = list(drawn)
            request["objgraph"] = objgraph_file()
        return await self._ask_all(request, dict[str, CauseAnswer], limit_s)

    async def numbers(self, files: Iterable[str]) -> dict[int, dict[str, dict[str, int]]]:
        """Names of whole numbers by source file of the application, and of these files, by pid.

        Raises:
            ProbeError: one did not answer in time, or could not do it.
        """
        request = wire.NumbersRequest(request="numbers", files=list(files))
        return await self._ask_all(request, dict[str, dict[str, int]], ANSWER_LIMIT_S)

    async def trace(self, *, on: bool) -> None:
        """From now on, or no longer, see where things are made.

        Raises:
            ProbeError: one did not answer in time, or could not do it.
        """
        await self._ask_all(wire.SwitchRequest(request="trace", on=on), bool, ANSWER_LIMIT_S)

    async def native(self, *, on: bool) -> dict[int, NativeAnswer]:
        """From now on, or no longer, watch what C code allocates: by pid the `path` of memray's
        file, or a `problem`.

        Raises:
            ProbeError: one did not answer in time, or could not do it.
        """
        request = wire.SwitchRequest(request="native", on=on)
        return await self._ask_all(request, NativeAnswer, ANSWER_LIMIT_S)

    async def stacks(self, seconds: float) -> dict[int, dict[str, int]]:
        """What the threads do instead of waiting, by pid: places, and how often each was seen.

        Raises:
            ProbeError: one did not answer in time, or could not do it.
        """
        request = wire.StacksRequest(request="stacks", seconds=seconds)
        return await self._ask_all(request, dict[str, int], ANSWER_LIMIT_S)

    async def garbage(self) -> dict[int, GarbageAnswer]:
        """Collect in every process, and hear by pid what was found.

        Raises:
            ProbeError: one did not answer in time, or could not do it.
        """
        request = wire.Request(request="garbage")
        return await self._ask_all(request, GarbageAnswer, ANSWER_LIMIT_S)

    async def sample(
        self, *, collect: bool = True, limit_s: float = ANSWER_LIMIT_S
    ) -> dict[int, Values]:
        """Read the gauges of every process, by pid; first collect as `collect()` does, unless told
        not to.

        Raises:
            ProbeSilent: a process that lives did not answer in time.
            ProbeVersionMismatch: one speaks another version of the wire.
            ProbeError: one could not do it.
        """
        request = wire.SampleRequest(request="sample", collect=collect)
        samples = await self._ask_all(request, wire.Sample, limit_s)
        values = {}
        for pid, sample in samples.items():
            values[pid] = {name: float(value) for name, value in sample["gauges"].items()}
        return values

    def news(self) -> list[LeftOut]:
        """Which processes are left out since the last call, and why."""
        return self._health.news()

    async def _ask_all(
        self, request: wire.Request, wanted: type[T], limit_s: float
    ) -> dict[int, T]:
        async with self._asking:
            name = request["request"]
            pids = [pid for pid in self.listening() if not self._health.is_left_out(pid, name)]
            if len(pids) > 1 and name in _QUICK:
                limit_s = min(limit_s, QUICK_LIMIT_S)
            answers = await asyncio.gather(
                *(self.ask(pid, request, limit_s) for pid in pids), return_exceptions=True
            )
        by_pid: dict[int, T] = {}
        errors: dict[int, ProbeError] = {}
        for pid, answer in zip(pids, answers, strict=True):
            if isinstance(answer, BaseException) and not isinstance(answer, ProbeError):
                raise answer
            try:
                if isinstance(answer, ProbeError):
                    raise answer
                if answer is not None:
                    by_pid[pid] = checked_answer(pid, answer, wanted)
                    self._health.answered(pid, name)
            except ProbeError as error:
                errors[pid] = error
        self._leave_out(name, errors, others_answer=bool(by_pid))
        return by_pid

    def _leave_out(
        self, name: str, errors: Mapping[int, ProbeError], *, others_answer: bool
    ) -> None:
        """Go on without the processes that failed, where others have answered.

        Raises:
            ProbeError: none has.
        """
        for pid, error in errors.items():
            why = ": ".join(filter(None, (error.what, error.why)))
            of = "" if isinstance(error, ProbeSilent) else name
            self._health.failed(pid, of, why, others_answer=others_answer)
        if errors and not others_answer:
            raise next(iter(errors.values()))
        if not others_answer and (reason := self._health.any_reason(name)):
            raise ProbeSilent("no process of the server answers any more", why=reason)


def summed(samples: Mapping[int, Values], pids: Iterable[int]) -> Values:
    """The gauges of some processes together.

    A process without a sample is no Python, and adds nothing. A gauge that one of the others lacks
    is left out: a sum that misses a part is not a reading.
    """
    having = [samples[pid] for pid in pids if pid in samples]
    common = set.intersection(*map(set, having)) if having else set()
    sums = {}
    for name in having[0] if having else ():
        if name in common:
            sums[name] = sum(values[name] for values in having)
    return sums


def objgraph_file() -> str:
    """The source file of objgraph in the harness's environment, which the probe loads by its path;
    empty without one.
    """
    spec = find_spec("objgraph")
    return (spec.origin or "") if spec is not None else ""
