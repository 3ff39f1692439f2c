"""The probe: a thread inside the server under test that reads what cannot be seen from outside,
when it is asked.

It runs in somebody else's process, so that it keeps to a few rules. Standard library and relative
imports only, CPython 3.9 or later; it is loaded by its path under a private name, with nothing of
the harness importable. What may be patched (sockets, threads, time) is imported before the server's
own code runs, the rest when somebody asks (`lazy_loading`). No signals, and nothing kept: a reading
leaves the heap as it found it.

* `inject/sitecustomize.py` starts it.
* `start` and `listener` keep one sleeping thread per process and a Unix socket named by pid.
* `conversation` speaks `wire` with one peer. `handlers` is the table of requests, `gauges` the
  table of numbers.
* `task_origins` and `connections` note where, and in which connection, each task is made. They do
  so in methods of the loops that `method_hooks` wraps. This is all that the probe does unasked.
* `collection` and `loop_thread` bring the heap to rest, on the thread of the server's event loop
  where that is possible.
"""
