"""Signals: send one to a waiting run."""

from __future__ import annotations

from typing import Any

from inngest_rest._core.resources import signals
from inngest_rest.aio._resource import Resource


class Signals(Resource):
    """Signals that runs wait for: `client.signals`."""

    async def send(self, signal: str, data: Any = None) -> str:
        """Send a signal and return the id of the run that was waiting for it.

        Args:
            signal: The signal's name; not empty.
            data: Any JSON value, passed to the run.

        Raises:
            NotFoundError: No run is waiting for the signal.

        HTTP: `POST /v1/signals`.
        """
        return await self._run(signals.send, signal, data)
