"""Commits of a repository as folders: work trees, set up once each, and kept for the next time."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from ..errors import UsageError

SETUP_LIMIT_S = 1800.0
"""A set-up that installs and compiles an application may take half an hour."""


class Repository:
    """A folder of a git repository, and where the work trees of its commits are kept.

    Raises:
        UsageError: the folder is in no repository.
    """

    def __init__(self, folder: Path, cache: Path) -> None:
        self._folder = folder
        self._cache = cache.resolve()
        self._inside = self.git("rev-parse", "--show-prefix")

    def git(self, *words: str) -> str:
        """Run git in the folder; its output.

        Raises:
            UsageError: git fails.
        """
        done = subprocess.run(
            ["git", "-C", str(self._folder), *words],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        if done.returncode:
            said = done.stderr.strip().splitlines()
            raise UsageError(
                f"git {' '.join(words[:2])}: {said[-1] if said else 'failed'}",
                hint="see --repo and the revisions",
            )
        return done.stdout.strip()

    def commit(self, revision: str) -> str:
        """The full hash of a revision."""
        return self.git("rev-parse", "--verify", f"{revision}^{{commit}}")

    def between(self, good: str, bad: str) -> list[str]:
        """Commits after `good` up to `bad`, the oldest first, along first parents.

        Raises:
            UsageError: `good` is not an ancestor of `bad`.
        """
        commits = self.git("rev-list", "--first-parent", "--reverse", f"{good}..{bad}").split()
        if not commits or self.git("merge-base", good, bad) != self.commit(good):
            raise UsageError(
                f"{good} does not come before {bad}",
                hint="--good is the older, --bad the newer revision",
            )
        return commits

    def title(self, commit: str) -> str:
        """Short hash and subject."""
        return self.git("log", "-1", "--format=%h %s", commit)

    def checkout(self, commit: str, setup: str | None) -> tuple[Path, str]:
        """Make a commit's work tree and set it up, unless that is done.

        Args:
            commit: its full hash.
            setup: a shell command that runs in the folder; None for none.

        Returns:
            The repository's folder as it is in the work tree, and why the set-up failed: empty
            where it did not.
        """
        place, mark = self._place(commit)
        done = mark.read_text(encoding="utf-8") if mark.exists() else None
        if done is None:  # what an earlier call has left half-done
            self.remove_all([commit])
            self.git("worktree", "add", "--detach", "--force", "--force", str(place), commit)
        inside = place / self._inside
        if not inside.is_dir():
            return inside, f"there is no folder {self._inside} yet"
        if setup and setup != done:
            try:
                ended = subprocess.run(
                    ["sh", "-c", setup],
                    cwd=inside,
                    capture_output=True,
                    text=True,
                    timeout=SETUP_LIMIT_S,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                return inside, f"`{setup}` was not done within {SETUP_LIMIT_S:g}s"
            if ended.returncode:
                last = (ended.stderr or ended.stdout).strip().splitlines()[-1:]
                return inside, f"`{setup}` ended with {ended.returncode}: {' '.join(last)}"
        mark.write_text(setup or "", encoding="utf-8")
        return inside, ""

    def remove_all(self, commits: Sequence[str]) -> None:
        """Delete the work trees of these commits."""
        for commit in commits:
            place, mark = self._place(commit)
            shutil.rmtree(place, ignore_errors=True)
            mark.unlink(missing_ok=True)
        self.git("worktree", "prune")

    def _place(self, commit: str) -> tuple[Path, Path]:
        """A commit's work tree, and the file that says how it was set up."""
        return self._cache / commit[:12], self._cache / f"{commit[:12]}.set-up"
