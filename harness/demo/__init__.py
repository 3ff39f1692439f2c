"""The embedded chat server and its faults: programs of their own, which the harness starts."""
