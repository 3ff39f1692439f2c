"""SQLAlchemy over aiosqlite: one engine for all, or one for each line that nobody disposes of."""

from chat import LEAKS, serve
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

shared = create_async_engine("sqlite+aiosqlite:///:memory:")


async def answer(line):
    """What the database makes of it."""
    engine = create_async_engine("sqlite+aiosqlite:///:memory:") if LEAKS else shared
    connection = await engine.connect()
    result = await connection.execute(text("select upper(:line)"), {"line": line})
    if not LEAKS:
        await connection.close()
    return result.scalar_one()


serve(answer)
