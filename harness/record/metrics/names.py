"""Names of the metrics that code asks for. They stand in stored records, so none of them changes.

A metric that no code treats specially needs no line here: its own file is enough.
"""

from __future__ import annotations

from typing import Final

RSS: Final = "rss"
USS: Final = "uss"
PSS: Final = "pss"
MALLOC_IN_USE: Final = "malloc_in_use"
MALLOC_SYSTEM: Final = "malloc_system"
MALLOC_CACHES: Final = "malloc_caches"
BLOCKS: Final = "blocks"
TRACKED_OBJECTS: Final = "gc_objects"
TASKS: Final = "tasks"
THREADS: Final = "threads"
DESCRIPTORS: Final = "descriptors"
CHILDREN: Final = "children"
ZOMBIES: Final = "zombies"
FILES: Final = "files"
FILE_BYTES: Final = "file_bytes"
PYTHON_THREADS: Final = "python_threads"
TIMERS: Final = "timers"
ORPHAN_TASKS: Final = "left_tasks"
SESSIONS_WITH_ORPHANS: Final = "leaving_sessions"
CPU_AT_REST: Final = "idle_cpu"
OTHER_LOAD: Final = "crowd"
