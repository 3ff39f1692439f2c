"""What the probe costs a server at rest: its on-CPU time per session with the probe and without,
in turn.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

import numpy as np
import psutil
from scipy import stats

from harness.sessions.driver import Load, run_cycle
from harness.sessions.handshake import Address, why_not_ready
from harness.sessions.protocols import protocol_named
from harness.sessions.scenario import load_scenario
from harness.target.embedded import embedded_command
from harness.target.launched import Server, free_port
from harness.target.probe_client import ProbeLink
from harness.target.sampler import cpu_ns


class Side:
    """One embedded server, with the probe or without."""

    def __init__(self, server: Server, load: Load) -> None:
        self.server = server
        self.load = load

    @classmethod
    async def started(cls, stack: AsyncExitStack, folder: Path, *, probe: bool) -> Side:
        port = str(free_port())
        environment = {**os.environ, "PYTHONHASHSEED": "0"}
        if probe:
            link = ProbeLink()
            stack.push_async_callback(link.close)
            environment = link.environment(environment)
        command = embedded_command(port, 2**20, [])
        server = await Server.launch(
            command, environment=environment, folder=None, log=folder / f"{port}.log"
        )
        stack.push_async_callback(server.stop)
        address = Address(f"ws://127.0.0.1:{port}/client-ws")
        await server.wait_ready(lambda: why_not_ready(address), limit_s=30)
        if probe:
            await link.greet()
        return cls(
            server, Load(load_scenario("plain-chat"), protocol_named("open-llm-vtuber"), address)
        )

    async def ns_per_session(self, sessions: int) -> float:
        process = psutil.Process(self.server.pid)
        before = cpu_ns(process)
        await run_cycle(self.load, sessions, lambda _: True)
        return (cpu_ns(process) - before) / sessions


async def log_ratios(pairs: int, sessions: int, folder: Path) -> list[float]:
    """Of one pair of servers, warmed up. The sides take turns session by session: the machine's
    own pace drifts.
    """
    async with AsyncExitStack() as stack:
        sides = [await Side.started(stack, folder, probe=probe) for probe in (True, False)]
        for side in sides:
            await side.ns_per_session(10)
        ratios = []
        for pair in range(pairs):
            cost = dict.fromkeys(sides, 0.0)
            for session in range(sessions):
                for side in sides if (pair + session) % 2 else sides[::-1]:
                    cost[side] += await side.ns_per_session(1)
            ratios.append(float(np.log(cost[sides[0]] / cost[sides[1]])))
        return ratios


def main() -> None:
    """Print the ratio and its interval."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=50)
    parser.add_argument(
        "--servers", type=int, default=10, help="pairs of servers among which the pairs are divided"
    )
    parser.add_argument("--sessions", type=int, default=10, help="of each side in a pair")
    options = parser.parse_args()
    ratios: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(options.servers):
            ratios += asyncio.run(
                log_ratios(options.pairs // options.servers, options.sessions, Path(folder))
            )
    middle, half = np.mean(ratios), stats.sem(ratios) * stats.t.ppf(0.975, len(ratios) - 1)
    low, mid, high = (100 * (np.exp(x) - 1) for x in (middle - half, middle, middle + half))
    print(
        f"CPU per session with the probe: {mid:+.2f} % ({low:+.2f} to {high:+.2f}, {len(ratios)} "
        f"pairs)"
    )


if __name__ == "__main__":
    main()
