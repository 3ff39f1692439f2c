"""Speaks with the harness in the place of a probe, and lies."""

import json
import os
import socket
import struct
import threading

GREETING = {
    "wire": 1,
    "pid": os.getpid(),
    "python": "3",
    "implementation": "cpython",
    "argv": [],
    "gauges": [],
}
GAUGES = ("blocks", "gc_objects", "tasks", "python_threads", "malloc_in_use", "malloc_system")
SAMPLE = {"gauges": dict.fromkeys(GAUGES, 1000), "collection": None}


def start(lies):
    """Answer these requests with lies, and the others as a probe does."""
    answers = {"sample": {"answer": SAMPLE}, **lies}
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"{os.environ['LEAK_HARNESS_PROBE']}/{os.getpid()}.sock")
    listener.listen()
    threading.Thread(target=serve_all, args=(listener, answers), daemon=True).start()


def serve_all(listener, answers):
    while True:
        peer, _ = listener.accept()
        threading.Thread(target=converse, args=(peer, answers), daemon=True).start()


def converse(peer, answers):
    say(peer, answers.get("greeting", GREETING))
    while header := peer.recv(4, socket.MSG_WAITALL):
        body = peer.recv(struct.unpack("!I", header)[0], socket.MSG_WAITALL)
        say(peer, answers.get(json.loads(body)["request"], {"answer": {}}))


def say(peer, message):
    body = message if type(message) is bytes else json.dumps(message).encode()
    peer.sendall(struct.pack("!I", len(body)) + body)
