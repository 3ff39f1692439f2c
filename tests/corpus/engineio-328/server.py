"""Engine.IO on eventlet, which says back what it is told."""

import os

import engineio
import eventlet
import eventlet.wsgi

chat = engineio.Server(async_mode="eventlet", cors_allowed_origins="*", ping_interval=1)


@chat.on("message")
def said(sid, words):
    chat.send(sid, "back " + words)


eventlet.wsgi.server(
    eventlet.listen(("127.0.0.1", int(os.environ["PORT"]))),
    engineio.WSGIApp(chat),
    log_output=False,
)
