"""prometheus_client: a counter by the first word of a line, or by the whole line."""

from chat import LEAKS, serve
from prometheus_client import Counter

SAID = Counter("lines", "Lines that were said", ["word"])


async def answer(line):
    """Counted and said again."""
    SAID.labels(line if LEAKS else line.split()[0]).inc()
    return line


serve(answer)
