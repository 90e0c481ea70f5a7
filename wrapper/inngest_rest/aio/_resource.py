"""Base class for the groups of methods: `client.events`, `client.runs` and the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.drivers.asynchronous import AsyncDriver


class Resource:
    """A group of methods of the client."""

    def __init__(self, driver: AsyncDriver, session: Session) -> None:
        self._driver = driver
        self._session = session
