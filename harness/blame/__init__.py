"""Which action leaks: a varied load, and a regression over its cycles."""
