"""Judging: pure functions from a record to a verdict and the next step of the run."""
