"""Install a distribution in an empty environment, and use it there as a newcomer does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[3]

COMMAND = ("-m", "inngest_rest")

# What meets somebody who has not installed an extra, and the extra that it must name.
WITHOUT_EXTRAS: tuple[tuple[tuple[str, ...], str], ...] = (
    ((*COMMAND, "completion", "bash"), "cli"),
    ((*COMMAND, "mcp"), "mcp"),
    ((*COMMAND, "mock"), "mock"),
    (("-c", "from inngest_rest.testing import *; MockServer().serve().__enter__()"), "mock"),
)
WITH_EXTRAS: tuple[tuple[str, ...], ...] = (
    (*COMMAND, "--help"),
    (*COMMAND, "runs", "list", "--help"),
    (*COMMAND, "completion", "bash"),
    (*COMMAND, "skill", "show"),
    (*COMMAND, "mcp", "--help"),
)


class Environment(NamedTuple):
    """A virtual environment, used without the variables that steer this process's Python."""

    python: Path

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run its Python with nothing on standard input; the output has both streams."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("INNGEST", "PYTHON"))}
        return subprocess.run(
            [self.python, *arguments],
            stdin=subprocess.DEVNULL,
            env={**kept, **variables},
            cwd=self.python.parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=300,
        )


def create(python: str, folder: Path, distribution: str, *, installer: str) -> Environment:
    """Make an environment and install a distribution in it.

    uv takes the locked versions of the rest; pip takes the newest, since hashes in a lock make it
    ask for one of the distribution, too.
    """
    without = ["--without-pip"] if installer == "uv" else []
    subprocess.run([python, "-m", "venv", *without, folder], check=True)
    made = Environment(folder / ("Scripts" if os.name == "nt" else "bin") / "python")
    command: list[str | Path]
    if installer == "uv":
        locked = ["--constraint", str(ROOT / "constraints.txt"), "--python", str(made.python)]
        command = [Path(sys.executable).with_name("uv"), "pip", "install", "--quiet", *locked]
    else:
        command = [made.python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    done = subprocess.run([*command, distribution], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{installer} cannot install {distribution}:\n{done.stdout}{done.stderr}")
    return made


def use(environment: Environment, *, with_extras: bool) -> list[str]:
    """Run the README's first program and the command; return what went wrong."""
    wrong = []
    with event_api() as url:
        sent = environment.run("-c", first_program(), INNGEST_DEV=url)
    if sent.returncode != 0 or not sent.stdout.startswith("sent app/order.created"):
        wrong.append(f"the README's first program ended with: {last_line(sent)}")
    if with_extras:
        for arguments in WITH_EXTRAS:
            done = environment.run(*arguments)
            if done.returncode != 0:
                wrong.append(f"{' '.join(arguments[1:])} ended with: {last_line(done)}")
        return wrong
    for arguments, extra in WITHOUT_EXTRAS:
        done = environment.run(*arguments, INNGEST_DEV="1")
        if done.returncode == 0 or f"inngest-rest[{extra}]" not in last_line(done):
            wrong.append(f"{arguments[-1]} does not name [{extra}] last, but: {last_line(done)}")
    return wrong


def first_program() -> str:
    """Return the first program of the README."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    return readme.partition("```python\n")[2].partition("```")[0]


def last_line(done: subprocess.CompletedProcess[str]) -> str:
    """Return the last line that a process printed."""
    return (done.stdout.strip().splitlines() or ["nothing"])[-1]


class _EventAPI(BaseHTTPRequestHandler):
    """Accepts each request of one event."""

    def do_POST(self) -> None:
        """Answer as the event API does."""
        self.rfile.read(int(self.headers["Content-Length"]))
        answer = json.dumps({"ids": ["01K9V2C4B7M0Q8Y3T5R6S1D2F4"], "status": 200}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@contextmanager
def event_api() -> Iterator[str]:
    """Serve an event API on this machine: what is installed without extras has no mock server."""
    with HTTPServer(("127.0.0.1", 0), _EventAPI) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
