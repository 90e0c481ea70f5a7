"""Debian's Chromium without a window, driven by its DevTools protocol over a pipe.

Playwright's wheel is 53 MB and brings a node of its own, selenium needs a driver of the browser's
version; what is needed here are six commands of the protocol.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import select
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

# The browser reads commands from file descriptor 3 and writes to 4.
_START = "import os, sys; r, w = map(int, sys.argv[1:3]); os.dup2(r, 13); os.dup2(w, 14); \
os.dup2(13, 3); os.dup2(14, 4); os.execv(sys.argv[3], sys.argv[3:])"

_OPTIONS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
    *("--disable-background-networking", "--disable-component-update", "--no-first-run"),
    *("--disable-sync", "--disable-extensions", "--remote-debugging-pipe"),
    *("--hide-scrollbars", "--force-prefers-reduced-motion", "--proxy-server=127.0.0.1:9"),
)


def find_browser() -> str | None:
    """Return the path of a Chromium, if there is one."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """A browser with one page.

    Attributes:
        requests: URLs that the page has requested.
        errors: What the page has written to the console as an error, exceptions included.
    """

    def __init__(self, folder: Path) -> None:
        program = find_browser()
        assert program is not None
        (theirs, self._to), (self._from, other) = os.pipe(), os.pipe()
        command = [sys.executable, "-c", _START, str(theirs), str(other), program, *_OPTIONS]
        self._process = subprocess.Popen(
            [*command, f"--user-data-dir={folder}", "about:blank"],
            pass_fds=(theirs, other),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": str(folder)},
        )
        os.close(theirs)
        os.close(other)
        self._numbers = itertools.count(1)
        self._rest = b""
        self._session: str | None = None
        self._is_loaded = False
        self.requests: list[str] = []
        self.errors: list[str] = []
        pages = [it for it in self.do("Target.getTargets")["targetInfos"] if it["type"] == "page"]
        attach = {"targetId": pages[0]["targetId"], "flatten": True}
        self._session = self.do("Target.attachToTarget", **attach)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.do(f"{domain}.enable")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._session = None
        self.do("Browser.close")
        os.close(self._to)
        self._process.wait(timeout=30)
        os.close(self._from)

    def do(self, method: str, **parameters: Any) -> Any:
        """Give a command, and return its result."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == number:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]

    def open(self, url: str) -> None:
        """Open a page, and return when it is loaded."""
        self._is_loaded = False
        self.do("Page.navigate", url=url)
        while not self._is_loaded:
            self._read()

    def run(self, script: str) -> Any:
        """Return what an expression of JavaScript yields, awaited."""
        answer = self.do(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def look(self, width: int, height: int = 900, *, dark: bool = False) -> None:
        """Set the size of the window, and whether its user likes it dark."""
        phone = width < 600
        self.do(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=phone,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.do("Emulation.setEmulatedMedia", features=[scheme])

    def picture(self) -> bytes:
        """Return what the window shows, as PNG."""
        return base64.b64decode(self.do("Page.captureScreenshot")["data"])

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._from], [], [], 300)
            read = os.read(self._from, 1 << 20) if ready else b""
            assert read, "the browser has ended, or hangs"
            self._rest += read
        message, _, self._rest = self._rest.partition(b"\0")
        answer: dict[str, Any] = json.loads(message)
        self._note(answer.get("method", ""), answer.get("params", {}))
        return answer

    def _note(self, event: str, params: dict[str, Any]) -> None:
        match event:
            case "Page.loadEventFired":
                self._is_loaded = True
            case "Network.requestWillBeSent":
                self.requests.append(params["request"]["url"])
            case "Runtime.exceptionThrown":
                self.errors.append(params["exceptionDetails"]["text"])
            case "Runtime.consoleAPICalled" if params["type"] == "error":
                self.errors.append(str([it.get("value") for it in params["args"]]))
            case "Log.entryAdded" if params["entry"]["level"] == "error":
                self.errors.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")
