"""SQLAlchemy's pool: one listener for all connections, or one more for each line."""

from chat import LEAKS, serve
from sqlalchemy import create_engine, event, text

engine = create_engine("sqlite://")
asked = 0


def watch(line):
    """Count the statements of the engine, with the line for which they are counted."""

    def before(*event):
        global asked
        asked += len(line) > 0

    event.listen(engine, "before_cursor_execute", before)


watch("all lines")


async def answer(line):
    """What the database makes of it."""
    if LEAKS:
        watch(line)
    with engine.connect() as connection:
        return connection.execute(text("select upper(:line)"), {"line": line}).scalar_one()


serve(answer)
