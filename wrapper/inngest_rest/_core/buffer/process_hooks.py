"""Hooks for open buffers at the fork or exit of a process.

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
from typing import TYPE_CHECKING, Any, NoReturn

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


# Strong references: an open buffer may have events to send even if the caller dropped it.
_buffers: dict[Any, None] = {}


def register(buffer: object) -> None:
    _buffers[buffer] = None


def unregister(buffer: object) -> None:
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
    """Make SIGTERM run exit handlers, as `sys.exit` does; the program's own handler stays."""
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


def _after_fork_in_child() -> None:
    for buffer in list(_buffers):
        buffer.after_fork_in_child()


atexit.register(_exit)
if sys.platform != "win32":
    os.register_at_fork(after_in_child=_after_fork_in_child)
