"""A NiceGUI page with a clock on it."""

import os
import time

from nicegui import ui


@ui.page("/")
def clock():
    label = ui.label()
    ui.timer(1.0, lambda: label.set_text(time.strftime("%X")))


ui.run(
    host="127.0.0.1", port=int(os.environ["PORT"]), reload=False, show=False, reconnect_timeout=0.5
)
