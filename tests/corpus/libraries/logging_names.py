"""logging: one logger for all lines, or one for each; nothing ever forgets a logger."""

import logging

from chat import LEAKS, serve


async def answer(line):
    """Noted and said again."""
    name = f"chat.{line.replace(' ', '_')}" if LEAKS else "chat"
    logging.getLogger(name).info("said: %s", line)
    return line


serve(answer)
