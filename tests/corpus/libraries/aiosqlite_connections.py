"""aiosqlite: a connection for each line, closed or not; each has a thread of its own."""

import aiosqlite
from chat import LEAKS, serve


async def answer(line):
    """What the database makes of it."""
    database = await aiosqlite.connect(":memory:")
    rows = await database.execute_fetchall("select upper(?)", (line,))
    if not LEAKS:
        await database.close()
    return next(iter(rows))[0]


serve(answer)
