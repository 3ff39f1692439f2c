"""The command in this very process: a run in one of its own spends most of its time on imports."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

from harness.cli import main


def done(
    folder: Path, *words: str, variables: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """What `leak-harness` with these words does and says in that folder."""
    out, err = io.StringIO(), io.StringIO()
    typed = patch.object(sys, "argv", ["leak-harness", *words])
    with (
        chdir(folder),
        typed,
        patch.dict(os.environ, variables or {}),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        status = main(words)
    return subprocess.CompletedProcess(words, status, out.getvalue(), err.getvalue())
