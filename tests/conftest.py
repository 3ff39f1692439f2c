"""Fixtures that several modules use."""

from puppets import folder, launch, looping, puppet

__all__ = ["folder", "launch", "looping", "puppet"]
