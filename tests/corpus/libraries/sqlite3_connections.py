"""sqlite3: cursors of one connection that are left to themselves, or a connection for each line."""

import sqlite3

from chat import LEAKS, serve

SHARED = sqlite3.connect(":memory:")
SHARED.execute("create table lines (line text)")
OPEN = []


def database():
    """Where to ask."""
    if LEAKS:
        OPEN.append(sqlite3.connect(":memory:"))
        return OPEN[-1]
    return SHARED


async def answer(line):
    """What the database makes of it."""
    asked = [database().execute("select upper(?), ?", (line, number)) for number in range(4)]
    SHARED.execute("insert into lines values (?)", (line,))
    SHARED.execute("delete from lines where rowid < (select max(rowid) from lines) - 100")
    return asked[0].fetchone()[0]


serve(answer)
