"""Hooks for open buffers and files at the fork or exit of a process.

Importing this module installs the hooks; only buffers do.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn, Protocol

from inngest_rest._core.arguments import invalid
from inngest_rest._core.clock import SYSTEM_CLOCK

if TYPE_CHECKING:
    from inngest_rest._core.drivers.blocking import Driver

_MODULES = (
    "inngest_rest._core.sending.receipts",
    "inngest_rest._core.drivers.blocking_transport",
    # Python, httpx and httpcore import these lazily: on the first lookup, connection, response.
    "encodings.idna",
    "certifi",
    "httpcore",
)


class OpenBuffer(Protocol):
    """A buffer that has not been closed."""

    def at_exit(self, elapsed: float) -> None:
        """Flush; the interpreter began to exit `elapsed` seconds ago."""

    def after_fork_in_child(self) -> None: ...


class OpenFile(Protocol):
    """A file that must not be carried into a child."""

    def before_fork(self) -> None: ...
    def after_fork(self) -> None: ...
    def after_fork_in_child(self) -> None: ...


# Strong references: an open buffer may have events to send even if the caller dropped it.
_buffers: dict[OpenBuffer, None] = {}

files: dict[OpenFile, None] = {}
"""The open files, in the order in which they were opened."""


def register(buffer: OpenBuffer) -> None:
    _buffers[buffer] = None


def unregister(buffer: OpenBuffer) -> None:
    _buffers.pop(buffer, None)


def preload(driver: Driver) -> None:
    """Import what a buffer's first request needs, before the buffer starts its thread.

    If a process forks while a thread imports a module, the child can never import it: it stays
    half-initialized or locked there. The same goes for OpenSSL's locks while certificates load.
    """
    for name in _MODULES:
        with suppress(ImportError):  # some releases of httpx do without
            import_module(name)
    driver.prepare("event")


def exit_on_sigterm() -> None:
    """Make SIGTERM run exit handlers, as `sys.exit` does.

    A handler installed by the program stays.

    Raises:
        InvalidArgumentError: This is not the main thread.
    """
    if threading.current_thread() is not threading.main_thread():
        raise invalid("exit_on_sigterm", "is for buffers made in the main thread")
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _exit_now)


def _exit_now(*_: object) -> NoReturn:
    # A second signal ends the process at once.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    raise SystemExit(128 + signal.SIGTERM)


def _exit() -> None:
    started = SYSTEM_CLOCK.monotonic()
    for buffer in list(_buffers):
        buffer.at_exit(SYSTEM_CLOCK.monotonic() - started)


class _Forks:
    """Serializes forks, and remembers the files it closed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._closed: list[OpenFile] = []

    def before(self) -> None:
        self._lock.acquire()
        self._closed = list(files)
        for file in self._closed:
            file.before_fork()

    def after(self) -> None:
        for file in self._closed:
            file.after_fork()
        self._lock.release()

    def after_in_child(self) -> None:
        self._lock = threading.Lock()
        for file in self._closed:
            file.after_fork_in_child()
        for buffer in list(_buffers):
            buffer.after_fork_in_child()


atexit.register(_exit)
if sys.platform != "win32":
    _forks = _Forks()
    os.register_at_fork(
        before=_forks.before,
        after_in_parent=_forks.after,
        after_in_child=_forks.after_in_child,
    )
