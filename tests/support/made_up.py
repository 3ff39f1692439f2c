"""How hypothesis makes up inputs: a test of what must hold for every input imports `SETTINGS`.

The same ones each time, for a suite that fails by chance is not believed.
`LEAK_HARNESS_EXAMPLES=10000` tries more, and new ones.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

MORE = os.environ.get("LEAK_HARNESS_EXAMPLES")
EXAMPLES = int(MORE or 30)

SETTINGS = settings(
    max_examples=EXAMPLES,
    derandomize=not MORE,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
FEW = settings(SETTINGS, max_examples=max(4, EXAMPLES // 20))
"""For what takes long to try."""
