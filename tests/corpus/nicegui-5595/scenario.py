"""A page is fetched, its socket opened, and left before the server greets. Clients are pruned
after a minute.
"""

import re

from harness import scenario


@scenario(protocol="plain", connect=False)
async def leave_before_the_greeting(session):
    """What a user does who closes the tab at once."""
    page = await session.http("GET", "/")
    client = re.search(r"'client_id': ?'([0-9a-f-]+)'", page.text)
    await session.connect(
        path=f"/_nicegui_ws/socket.io/?EIO=4&transport=websocket&client_id={client[1]}"
    )
    assert str(await session.receive()).startswith('0{"sid"')
