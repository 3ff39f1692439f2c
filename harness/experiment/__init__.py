"""One run from options to result: the only place where target, load, cause and verdict meet."""
