"""The interface of a connection to a transport and a proxy, on a socket or in an event loop."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl


class Connection(ABC):
    """A connection to a server; whatever fails on it is an OSError."""

    @property
    @abstractmethod
    def is_idle(self) -> bool:
        """Whether it can carry a request: it is open, all was sent, and nothing came unasked."""

    @abstractmethod
    async def encrypt(self, context: ssl.SSLContext, host: str) -> None:
        """Begin TLS."""

    @abstractmethod
    async def send(self, data: bytes) -> bool:
        """Send data; return False if the server hung up, or responded, before it had them all."""

    @abstractmethod
    async def receive(self) -> bytes:
        """Return what comes next, or nothing, once the server has ended the connection."""

    @abstractmethod
    def close(self) -> None: ...
