"""Commits of a repository as folders: work trees, set up once each, and kept for the next time."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from harness.errors import UsageError

SETUP_LIMIT_S = 1800.0


class Repository:
    """A git repository, and where the work trees of its commits are kept.

    Raises:
        UsageError: there is none.
    """

    def __init__(self, folder: Path, cache: Path) -> None:
        self._folder = folder
        self._cache = cache.resolve()
        self.git("rev-parse", "--git-dir")

    def git(self, *words: str) -> str:
        """What git answers.

        Raises:
            UsageError: it refuses.
        """
        done = subprocess.run(
            ["git", "-C", str(self._folder), *words], capture_output=True, text=True, errors="replace", check=False
        )
        if done.returncode:
            said = done.stderr.strip().splitlines()
            raise UsageError(
                f"git {' '.join(words[:2])}: {said[-1] if said else 'failed'}", hint="see --repo and the revisions"
            )
        return done.stdout.strip()

    def commit(self, revision: str) -> str:
        """The full hash of a revision."""
        return self.git("rev-parse", "--verify", f"{revision}^{{commit}}")

    def between(self, good: str, bad: str) -> list[str]:
        """Commits after `good` up to `bad`, the oldest first, along first parents.

        Raises:
            UsageError: `good` is no ancestor of `bad`.
        """
        found = self.git("rev-list", "--first-parent", "--reverse", f"{good}..{bad}").split()
        if not found or self.git("merge-base", good, bad) != self.commit(good):
            raise UsageError(f"{good} does not come before {bad}", hint="--good is the older, --bad the newer revision")
        return found

    def title(self, commit: str) -> str:
        """Short hash and subject."""
        return self.git("log", "-1", "--format=%h %s", commit)

    def checkout(self, commit: str, setup: str | None) -> tuple[Path, str]:
        """Its work tree, set up; and why that failed, empty where it did not."""
        place = self._cache / commit[:12]
        if not place.exists():
            self.git("worktree", "prune")
            self.git("worktree", "add", "--detach", "--force", str(place), commit)
        mark = self._cache / f"{commit[:12]}.set-up"
        if setup and not (mark.exists() and mark.read_text(encoding="utf-8") == setup):
            try:
                done = subprocess.run(
                    ["sh", "-c", setup], cwd=place, capture_output=True, text=True, timeout=SETUP_LIMIT_S, check=False
                )
            except subprocess.TimeoutExpired:
                return place, f"`{setup}` was not done within {SETUP_LIMIT_S:g}s"
            if done.returncode:
                last = (done.stderr or done.stdout).strip().splitlines()[-1:]
                return place, f"`{setup}` ended with {done.returncode}: {' '.join(last)}"
        mark.write_text(setup or "", encoding="utf-8")
        return place, ""

    def remove_all(self, commits: Sequence[str]) -> None:
        """Take the work trees away again."""
        for commit in commits:
            place = self._cache / commit[:12]
            if place.exists():
                subprocess.run(
                    ["git", "-C", str(self._folder), "worktree", "remove", "--force", str(place)],
                    capture_output=True,
                    check=False,
                )
            (self._cache / f"{commit[:12]}.set-up").unlink(missing_ok=True)
