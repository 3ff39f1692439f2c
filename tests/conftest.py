"""Fixtures that several modules use."""

from probed_process import folder, launch, looping, puppet

__all__ = ["folder", "launch", "looping", "puppet"]
