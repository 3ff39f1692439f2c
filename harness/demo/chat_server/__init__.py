"""The embedded chat server: an AI companion behind a WebSocket, with a page's whole life and
switchable faults.

It runs as a process of its own and imports nothing of `harness`: `python -m
harness.demo.chat_server`, or by path.
"""
