"""A finding in words, for a page that shows its chain as a picture next to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ..verdict.outcome import Finding

_CHAIN: Final = "Kept by "


def told(finding: Finding) -> str:
    """The summary without the chain, which is drawn."""
    sentences = finding.summary.split(". ")
    kept = ". ".join(sentence for sentence in sentences if not sentence.startswith(_CHAIN))
    return f"{kept.removesuffix('.')}."


def source_lines(finding: Finding) -> Sequence[str]:
    """The line that makes it and those around it, as far as they are known."""
    lines = getattr(finding, "source", ())
    return lines.splitlines() if isinstance(lines, str) else tuple(lines)
