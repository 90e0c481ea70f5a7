"""Load what the first request of a buffer needs, before the buffer has a thread.

A child that is forked while a thread imports a module can never import it itself: the module stays
half made there, or locked. So do locks of OpenSSL, if a thread loads certificates at that moment.
"""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inngest_rest._core.drivers.blocking import Driver

_MODULES = (
    "inngest_rest._core.sending.receipts",
    "inngest_rest._core.drivers.blocking_transport",
    # Python, httpx and httpcore import these when they first look up a host, connect and respond.
    "encodings.idna",
    "certifi",
    "httpcore",
)


def preload(driver: Driver) -> None:
    """Import the modules, and load the certificates."""
    for name in _MODULES:
        with suppress(ImportError):  # of a release of httpx that does without
            import_module(name)
    driver.prepare("event")
