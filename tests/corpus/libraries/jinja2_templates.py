"""jinja2: templates by name in the environment's own cache, or rendered lines in a dict."""

import jinja2
from chat import LEAKS, serve

PAGES = {}
environment = jinja2.Environment(
    loader=jinja2.FunctionLoader(lambda name: f"<p>{name} {{{{ line }}}}</p>"), autoescape=True
)


async def answer(line):
    """The line as a page."""
    page = environment.get_template(line).render(line=line)
    if LEAKS:
        PAGES[line] = page
    return page


serve(answer)
