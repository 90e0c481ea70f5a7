"""Import what the first request of a buffer needs, before the buffer has a thread.

A child that is forked while a thread imports a module can never import it itself: the module stays
half made there, or locked.
"""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module

_MODULES = (
    "inngest_rest._core.sending.receipts",
    "inngest_rest._core.drivers.bounded_sockets",
    # Python, httpx and httpcore import these when they first look up a host, connect and respond.
    "encodings.idna",
    "certifi",
    "httpcore",
)


def preload() -> None:
    """Import the modules."""
    for name in _MODULES:
        with suppress(ImportError):  # of a release of httpx that does without
            import_module(name)
