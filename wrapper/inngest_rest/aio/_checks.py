"""Methods of the client that are about the server itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.drivers.asynchronous import AsyncDriver
    from inngest_rest.diagnosis import Diagnosis


class Checks:
    """Checks of the server, and of how the client's settings fit it."""

    _driver: AsyncDriver
    _session: Session

    async def health(self) -> None:
        """Return if the server is up.

        Raises:
            InngestError: The server is not up, or is not an Inngest server.

        HTTP: `GET /health` on the host for events.
        """
        from inngest_rest._core.resources import health

        return await self._driver.run(health.check(self._session))

    async def diagnose(self) -> Diagnosis:
        """Find out what answers at the base URL, and whether keys and settings fit it.

        Each thing that is found says what to do about it, and none contains a key. Only reads are
        sent, each once; so whether an event key is accepted stays unknown.

        Returns:
            The kind and the release of the server, the findings, and which route answers each call.
            A server that does not respond, or is not Inngest, is a finding, too.

        Raises:
            ClosedError: The client is closed.

        HTTP: `GET /health`, `GET /dev`, `GET /v1/events`, `GET /v2/health`; and other GETs of v2
        and v1 where the server does not state its release.
        """
        from inngest_rest._core.diagnosis import diagnose

        return await self._driver.run(diagnose.diagnose(self._session))
