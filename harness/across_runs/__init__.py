"""Several runs set against each other: before and after, over time, over commits."""
