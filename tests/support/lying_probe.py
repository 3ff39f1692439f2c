"""A server that speaks with the harness itself, in the place of a probe, and lies."""

from __future__ import annotations

import sys
from pathlib import Path

from server_scripts import ECHO, HEAD

PROBE = """
import json, socket, struct, threading

GREETING = {"wire": 1, "pid": os.getpid(), "python": "3", "implementation": "cpython", "argv": [], "gauges": []}
GAUGES = dict.fromkeys(("blocks", "gc_objects", "tasks", "python_threads", "malloc_in_use", "malloc_system"), 1000)
SAMPLE = {"gauges": GAUGES, "collection": None}
ANSWERS = {"sample": {"answer": SAMPLE}, **LIES}

def say(peer, message):
    body = message if type(message) is bytes else json.dumps(message).encode()
    peer.sendall(struct.pack("!I", len(body)) + body)

def converse(peer):
    say(peer, ANSWERS.get("greeting", GREETING))
    while header := peer.recv(4, socket.MSG_WAITALL):
        request = json.loads(peer.recv(struct.unpack("!I", header)[0], socket.MSG_WAITALL))["request"]
        say(peer, ANSWERS.get(request, {"answer": {}}))

def lie():
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"{os.environ['LEAK_HARNESS_PROBE']}/{os.getpid()}.sock")
    listener.listen()
    while True:
        threading.Thread(target=converse, args=(listener.accept()[0],), daemon=True).start()

threading.Thread(target=lie, daemon=True).start()
"""


def lying(folder: Path, lies: dict[str, object], handler: str = ECHO) -> str:
    """The command of a server whose probe answers with these, by request."""
    path = folder / "lying_server.py"
    path.write_text(f"{HEAD}\nLIES = {lies!r}\n{PROBE}\n{handler}\nasyncio.run(main())\n")
    return f"{sys.executable} -E {path}"  # without PYTHONPATH: no probe of ours
