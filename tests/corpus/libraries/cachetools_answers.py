"""cachetools: answers in a cache of 1,024 for an hour, or in a dict with the hour beside them."""

import time

import cachetools
from chat import LEAKS, serve

ANSWERS = {} if LEAKS else cachetools.TTLCache(maxsize=1024, ttl=3600)


async def answer(line):
    """Thought of once an hour."""
    known = ANSWERS.get(line)
    if known is None or known[0] < time.time():
        known = ANSWERS[line] = (time.time() + 3600, line.title())
    return known[1]


serve(answer)
