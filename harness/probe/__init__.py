"""The probe: a thread inside the server under test that reads what cannot be seen from outside,
when it is asked.

It runs in somebody else's process, so that it keeps to a few rules. Standard library and relative
imports only, CPython 3.9 or later; it is loaded by its path under a private name, with nothing of
the harness importable. What may be patched (sockets, threads, time) is imported before the server's
own code runs, the rest when somebody asks (`late`). No signals, and nothing kept: a reading leaves
the heap as it found it.

`inject/sitecustomize.py` starts it, `start` and `listener` keep one sleeping thread per process and
a Unix socket named by pid, `conversation` speaks `wire` with one peer, `requests` is the table of
what may be asked, `gauges` the table of numbers. `sites` and `sessions` note where, and in which
connection, each task is made, in methods of the loops that `imports` wraps: all that the probe does
unasked. `collection` and `loop_thread` bring the heap to rest, where possible on the thread of the
server's event loop.
"""
