"""Programs that stand for an Inngest server, and for what they need."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

FAKE_SERVER = """\
#!{python}
import json, os, signal, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
if "--help" in sys.argv:
    sys.exit(print("  --port  --connect-gateway-port"))
arguments = sys.argv[1:]

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        found = {{"arguments": arguments, "folder": os.getcwd(), "environment": dict(os.environ)}}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(found | {{"pid": os.getpid()}}).encode())

    def log_message(self, *_):
        pass

{behaviour}
HTTPServer(("127.0.0.1", int(arguments[arguments.index("--port") + 1])), Handler).serve_forever()
"""


def write_program(path: Path, text: str) -> Path:
    """Write a program that can be run by its path."""
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return path


def write_server(path: Path, behaviour: str = "") -> Path:
    """Write a server that answers everything with what it was started with."""
    return write_program(path, FAKE_SERVER.format(python=sys.executable, behaviour=behaviour))


def is_running(pid: int) -> bool:
    """Return whether a process is there; one that ended needs a moment to be reaped."""
    for _ in range(500):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        time.sleep(0.02)
    return True
