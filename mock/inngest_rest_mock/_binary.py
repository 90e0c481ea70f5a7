"""Run an Inngest server of one's own, on free ports and in an empty folder, and end it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import httpx

if TYPE_CHECKING:
    from collections.abc import Generator

SECONDS_TO_START = 60.0
SECONDS_TO_END = 10.0

PORTS = (
    "--connect-gateway-port",
    "--connect-gateway-grpc-port",
    "--connect-executor-grpc-port",
)
"""The options of the ports that a server needs besides its own; old releases have not all."""


class CannotStartError(Exception):
    """A server or its database does not start; the message says why."""


@contextmanager
def run_binary(binary: Path, postgres_uri: str | None = None) -> Generator[str]:
    """Run a dev server during the `with` block; yield its URL.

    Raises:
        CannotStartError: It ended, or did not answer within a minute.
    """
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with log.open("wb") as output:
            port, command = _command(binary)
            process = _spawn(
                command, _environment(folder, postgres_uri), folder, output
            )
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_until_healthy(url, process, log)
            yield url
        finally:
            _end(process)


def _command(binary: Path) -> tuple[int, list[str]]:
    """Return a free port and the command of a server on it."""
    try:
        told = subprocess.run(  # noqa: S603 - the program that was asked for
            [binary, "dev", "--help"],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        ).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotStartError(f"{binary} does not run: {error}") from error
    port, *others = _free_ports(1 + len(PORTS))
    named = zip(PORTS, others, strict=True)
    ports = [
        each for name, other in named if name in told for each in (name, str(other))
    ]
    command = [
        str(binary),
        "dev",
        "--no-discovery",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    return port, [*command, *ports]


def _spawn(
    command: list[str], environment: dict[str, str], folder: str, output: BinaryIO
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(  # noqa: S603 - the program that was asked for
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # Ctrl-C is ours: we end it.
            start_new_session=True,
        )
    except OSError as error:
        raise CannotStartError(f"{command[0]} does not run: {error}") from error


def _environment(folder: str, postgres_uri: str | None) -> dict[str, str]:
    """Return the environment of a server, which reads its options from there, too."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("INNGEST_")
    }
    # The URI may have a password, which a command line would show to everyone.
    store = {} if postgres_uri is None else {"INNGEST_POSTGRES_URI": postgres_uri}
    return {**kept, **store, "HOME": folder, "DO_NOT_TRACK": "1"}


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [
            stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            for _ in range(count)
        ]
        return [each.getsockname()[1] for each in sockets]


def _wait_until_healthy(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise CannotStartError(
                f"it ended with status {process.returncode}: {_last_of(log)}"
            )
        try:
            if (
                httpx.get(f"{url}/health", timeout=5, trust_env=False).status_code
                == 200
            ):
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise CannotStartError(
        f"no /health within {SECONDS_TO_START:.0f} s: {_last_of(log)}"
    )


def _last_of(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return " | ".join(lines[-3:])[-600:]


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a server and all that it started."""
    for each in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, each)
        except ProcessLookupError:
            break
        try:
            process.wait(SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            continue
