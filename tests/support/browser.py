"""A real browser for a page: Chromium without a window, driven over its own debugging protocol."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
LIMIT_S = 60.0


class Tab:
    """One page; everything that it logs or asks the network for is kept."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._ids = count(1)
        self.events: list[dict[str, Any]] = []
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.ask(f"{domain}.enable")
        self.ask("Page.setLifecycleEventsEnabled", enabled=True)

    def ask(self, method: str, **parameters: Any) -> Any:
        number = next(self._ids)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.recv(LIMIT_S))
            if message.get("id") == number:
                assert "error" not in message, message
                return message["result"]
            self.events.append(message)

    def open(self, page: Path, *, width: int = 1200, dark: bool = False) -> None:
        self.events.clear()
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=width < 500,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", features=[scheme])
        loader = self.ask("Page.navigate", url=page.resolve().as_uri())["loaderId"]
        while not any(
            is_load_of(loader, event) for event in self.events
        ):  # not that of the blank page before it
            self.events.append(json.loads(self._socket.recv(LIMIT_S)))

    def run(self, script: str) -> Any:
        """The value of an expression."""
        done = self.ask(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in done, done
        return done["result"].get("value")

    def move(self, x: float, y: float) -> None:
        self.ask("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def click(self, x: float, y: float) -> None:
        for kind in ("mousePressed", "mouseReleased"):
            self.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    @property
    def complaints(self) -> list[str]:
        """Errors and warnings of its console."""
        bad = ("Runtime.exceptionThrown", "Log.entryAdded")
        return [json.dumps(event["params"]) for event in self.events if event["method"] in bad]

    @property
    def asked_for(self) -> list[str]:
        """What was loaded beside the page itself."""
        sent = [
            event["params"]
            for event in self.events
            if event["method"] == "Network.requestWillBeSent"
        ]
        return [one["request"]["url"][:80] for one in sent if one.get("type") != "Document"]


def is_load_of(loader: str, event: dict[str, Any]) -> bool:
    said = event["params"]
    return event["method"] == "Page.lifecycleEvent" and (said["loaderId"], said["name"]) == (
        loader,
        "load",
    )


@contextmanager
def tab() -> Iterator[Tab]:
    assert CHROMIUM, "there is no chromium"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--remote-debugging-port=0",
            "--no-first-run",
        ]
        command = [CHROMIUM, *options, f"--user-data-dir={profile}", "about:blank"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as browser:
            try:
                assert browser.stderr is not None
                line = next(line for line in browser.stderr if "DevTools listening on" in line)
                root = line.split()[-1]
                with connect(root, max_size=None, proxy=None, open_timeout=LIMIT_S) as control:
                    ours = {
                        "id": 1,
                        "method": "Target.createTarget",
                        "params": {"url": "about:blank"},
                    }
                    control.send(json.dumps(ours))  # its own first one may not be there yet
                    page = json.loads(control.recv(LIMIT_S))["result"]["targetId"]
                host = root.split("/")[2]
                url = f"ws://{host}/devtools/page/{page}"
                with connect(url, max_size=None, proxy=None, open_timeout=LIMIT_S) as socket:
                    yield Tab(socket)
            finally:
                browser.kill()
