"""Fixtures that several modules use."""

from probe_links import link
from probed_process import folder, launch, looping, puppet

__all__ = ["folder", "launch", "link", "looping", "puppet"]
