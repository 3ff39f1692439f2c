"""Plots of scripted runs: what a reader sees in each of them."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from numpy.typing import NDArray
from stored_run import KIB, MIB, leak_verdict, recorded, scripted_run

from harness.record.record import (
    CycleDone,
    RunRecord,
)
from harness.reporters import REPORTERS
from harness.reporters.canvas import ORANGE, VERMILION
from harness.verdict.gates.latency import LatencyGate
from harness.verdict.gates.memory import MemoryGate
from harness.verdict.outcome import Status, Verdict


def pixels(file_name: str, record: RunRecord, verdict: Verdict) -> NDArray[np.uint8]:
    from matplotlib.image import imread

    picture = np.asarray(imread(BytesIO(REPORTERS[file_name](record, verdict)), format="png"))
    return np.round(picture[..., :3] * 255).astype(np.uint8)


def holds_color(picture: NDArray[np.uint8], color: str) -> bool:
    wanted = np.frombuffer(bytes.fromhex(color.removeprefix("#")), dtype=np.uint8)
    return int((picture == wanted).all(axis=-1).sum()) > 20


@pytest.mark.parametrize("file_name", ["memory.png", "latency.png", "cpu.png"])
def test_a_plot_is_wide_enough_to_read_and_not_blank(file_name: str) -> None:
    picture = pixels(file_name, recorded(), leak_verdict())
    height, width, _ = picture.shape
    assert width == 1200
    assert height >= 500
    assert (picture != 255).any(axis=-1).mean() > 0.01


def test_the_warm_up_is_shaded() -> None:
    shade = "#f1f1ee"
    assert holds_color(pixels("memory.png", recorded(), leak_verdict()), shade)
    assert not holds_color(
        pixels("memory.png", recorded(), replace(leak_verdict(), warmup_cycles=0)), shade
    )


def test_peaks_are_told_apart_from_samples_at_rest() -> None:
    with_peaks = recorded()
    without = RunRecord.from_lines(
        replace(line, peaks={}) if isinstance(line, CycleDone) else line for line in scripted_run()
    )
    assert holds_color(pixels("memory.png", with_peaks, leak_verdict()), ORANGE)
    assert not holds_color(pixels("memory.png", without, leak_verdict()), ORANGE)


def test_the_limit_is_drawn_as_a_line_of_its_slope() -> None:
    def lowest_ink(limit: float) -> int:
        """Where the dashed line ends on the right of the lower panel: the higher the limit, the
        higher.
        """
        gate = leak_verdict().gates["memory"]
        assert isinstance(gate, MemoryGate)
        verdict = replace(leak_verdict(), gates={"memory": replace(gate, limit=limit)})
        dark = (pixels("memory.png", recorded(), verdict)[450:760, 860:930] < 60).all(axis=-1)
        return int(np.flatnonzero(dark.sum(axis=1)).max())

    assert lowest_ink(16 * MIB) < lowest_ink(KIB) - 50


def test_failed_sessions_are_marked_in_the_plot_of_latency() -> None:
    calm = {"latency": LatencyGate(Status.FLAT)}
    verdict = replace(leak_verdict(), gates=calm)
    assert holds_color(pixels("latency.png", recorded(failure="NoReply"), verdict), VERMILION)
    assert not holds_color(pixels("latency.png", recorded(), verdict), VERMILION)


def test_late_releases_are_drawn_where_the_run_idled() -> None:
    idled = recorded()
    idled.add(replace(idled.rests[-1], values={"rss": 100.0 * MIB}, idle=True))
    assert not np.array_equal(
        pixels("memory.png", idled, leak_verdict()),
        pixels("memory.png", recorded(), leak_verdict()),
    )


def test_a_long_run_is_drawn_with_lines_in_a_small_file() -> None:
    assert len(REPORTERS["memory.png"](recorded(1500, leak_bytes=100), leak_verdict())) < 200_000
