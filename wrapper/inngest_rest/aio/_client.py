"""The client itself: settings, sending, health, closing, and the way to everything else."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Self

from inngest_rest._core.calls.session import Session
from inngest_rest._core.calls.settings import resolve
from inngest_rest._core.clock import SYSTEM_CLOCK, Clock
from inngest_rest._core.drivers import lanes
from inngest_rest._core.drivers.asynchronous import AsyncDriver
from inngest_rest._core.sending import send, send_many
from inngest_rest._core.sending.batching import DEFAULT_EVENTS
from inngest_rest._core.sending.send_many import DEFAULT_IN_FLIGHT

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Iterable
    from os import PathLike

    import httpx

    from inngest_rest.aio._resources import (
        Apps,
        Cancellations,
        Events,
        Functions,
        Signals,
        Webhooks,
    )
    from inngest_rest.aio._runs import Runs
    from inngest_rest.event import EventLike
    from inngest_rest.reports import BatchReport, SendReport
    from inngest_rest.retry import RetryPolicy
    from inngest_rest.typing import ApiVersion, Seconds


class AsyncInngestClient:
    """A client for Inngest's HTTP API.

    Every argument left out is read from the environment variable named with it. Nothing is sent
    until a method is called, and a key is asked for by the first call that needs it.

    Args:
        event_key: Sends events (INNGEST_EVENT_KEY).
        signing_key: Manages runs; sent as its hash (INNGEST_SIGNING_KEY).
        signing_key_fallback: Asked where the first is refused, during a rotation
            (INNGEST_SIGNING_KEY_FALLBACK).
        api_key: Opens v2; with it alone only v2 is asked (INNGEST_API_KEY).
        env: Branch environment, sent as `x-inngest-env` (INNGEST_ENV).
        dev: A dev server is meant: True for http://127.0.0.1:8288, or its URL; no key is needed
            then (INNGEST_DEV).
        base_url: Base of events and API alike (INNGEST_BASE_URL).
        event_base_url: Base of events, https://inn.gs by default (INNGEST_EVENT_API_BASE_URL).
        api_base_url: Base of the API, https://api.inngest.com by default (INNGEST_API_BASE_URL).
        api_version: "auto" asks the family that answers best, "v1" or "v2" pins one.
        timeout: For one attempt: seconds or a timedelta, 30 s by default; half of it to connect.
        retries: Most tries after the first, or a `RetryPolicy`; 4 by default, within 120 s.
        transport: Sends instead of our own: for proxies, limits, client certificates, tests. It
            is closed with the client.
        allow_http: Lets keys go over plain http to other than loopback (INNGEST_ALLOW_HTTP).

    Raises:
        ConfigurationError: A setting is malformed; the message names it.
    """

    _clock: ClassVar[Clock] = SYSTEM_CLOCK  # a subclass in the tests has another

    def __init__(
        self,
        *,
        event_key: str | None = None,
        signing_key: str | None = None,
        signing_key_fallback: str | None = None,
        api_key: str | None = None,
        env: str | None = None,
        dev: bool | str | None = None,
        base_url: str | None = None,
        event_base_url: str | None = None,
        api_base_url: str | None = None,
        api_version: ApiVersion = "auto",
        timeout: Seconds = 30.0,
        retries: int | RetryPolicy | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        allow_http: bool | None = None,
    ) -> None:
        settings = resolve(
            event_key=event_key,
            signing_key=signing_key,
            signing_key_fallback=signing_key_fallback,
            api_key=api_key,
            env=env,
            dev=dev,
            base_url=base_url,
            event_base_url=event_base_url,
            api_base_url=api_base_url,
            api_version=api_version,
            timeout=timeout,
            retries=retries,
            allow_http=allow_http,
        )
        self._session = Session(settings, self._clock)
        proxies = settings.event_proxy, settings.api_proxy
        self._driver = AsyncDriver(lanes.asynchronous(transport, *proxies), self._clock)

    def __repr__(self) -> str:
        settings = self._session.settings
        return f"{type(self).__name__}({settings.event_url!r}, {settings.api_url!r})"

    # What is not sending is loaded when it is first used: a program that only sends never pays
    # for the models of runs.

    @cached_property
    def events(self) -> Events:
        """Events the server has stored."""
        from inngest_rest.aio._resources import Events

        return Events(self._driver.run, self._session)

    @cached_property
    def runs(self) -> Runs:
        """Runs of functions."""
        from inngest_rest.aio._runs import Runs

        return Runs(self._driver.run, self._session)

    @cached_property
    def apps(self) -> Apps:
        """Apps synced with the server."""
        from inngest_rest.aio._resources import Apps

        return Apps(self._driver.run, self._session)

    @cached_property
    def functions(self) -> Functions:
        """Functions of an app."""
        from inngest_rest.aio._resources import Functions

        return Functions(self._driver.run, self._session)

    @cached_property
    def signals(self) -> Signals:
        """Signals that runs wait for."""
        from inngest_rest.aio._resources import Signals

        return Signals(self._driver.run, self._session)

    @cached_property
    def cancellations(self) -> Cancellations:
        """Bulk cancellations."""
        from inngest_rest.aio._resources import Cancellations

        return Cancellations(self._driver.run, self._session)

    @cached_property
    def webhooks(self) -> Webhooks:
        """Webhooks, on Inngest Cloud."""
        from inngest_rest.aio._resources import Webhooks

        return Webhooks(self._driver.run, self._session)

    async def send(
        self, events: EventLike | Iterable[EventLike], *, batch_size: int = DEFAULT_EVENTS
    ) -> list[str]:
        """Send one event or several and return their internal ids, in order.

        Everything is checked before anything is sent. Requests are tried again safely: each event
        has an id and each request a seed, so nothing runs twice.

        Args:
            events: An `Event`, a mapping with the same keys, or an iterable of them.
            batch_size: Most events a request, 1 to 5,000.

        Raises:
            InvalidEventError: An event is invalid, at `position`; nothing was sent.
            PartialSendError: Not every event was accepted; `report` and `ids` tell which.
            AuthenticationError: The event key is wrong; nothing was accepted.
            TransportError: The server was never reached; nothing was accepted.

        HTTP: `POST /e/{eventKey}`, at most 5,000 events a request and 3 MiB an event [facts.md 1].
        """
        return await self._driver.run(send.send(self._session, events, batch_size=batch_size))

    async def send_many(
        self,
        events: Iterable[EventLike] | AsyncIterable[EventLike],
        *,
        batch_size: int = DEFAULT_EVENTS,
        in_flight: int = DEFAULT_IN_FLIGHT,
        on_batch: Callable[[BatchReport], object] | None = None,
        max_requests: int | None = None,
        period: Seconds = 1.0,
    ) -> SendReport:
        """Send any number of events in bounded memory, and report what became of them.

        One bad event never stops the rest. Events are drawn as there is room for them; a batch is
        tried again safely, as `send` does. It stops by raising when going on is useless: the key
        is refused, or ten batches in a row got no answer.

        Args:
            events: Any iterable or asynchronous iterable, never held whole.
            batch_size: Most events a request, 1 to 5,000.
            in_flight: Most requests at once, 1 to 64.
            on_batch: Called with a `BatchReport` for each batch, in order, also for what was under
                way when an exception or a cancellation ends the sending.
            max_requests: Most first tries in a `period`, evenly spaced; None for no limit.
            period: Seconds or timedelta that `max_requests` counts for.

        Returns:
            Counts, and the first 1,000 failures; the others reach `on_batch` alone.

        Raises:
            AuthenticationError: The event key is wrong.
            TransportError: The server is gone; a note tells the counts so far.

        HTTP: `POST /e/{eventKey}`, as `send`.
        """
        return await send_many.send_many_async(
            self._driver,
            self._session,
            events,
            send_many.check_options(
                self._session, batch_size, in_flight, on_batch, max_requests, period
            ),
        )

    async def send_file(
        self,
        path: str | PathLike[str],
        *,
        name: str | None = None,
        resume: bool = False,
        dead_letters: str | PathLike[str] | None = None,
        batch_size: int = DEFAULT_EVENTS,
        in_flight: int = DEFAULT_IN_FLIGHT,
        on_batch: Callable[[BatchReport], object] | None = None,
        max_requests: int | None = None,
        period: Seconds = 1.0,
    ) -> SendReport:
        """Send the events of a file, a JSON object a line, and report what became of them.

        The same import again, after a kill too, repeats no run within the platform's 24 hours: an
        event without id gets one from the import's name, the line's number and bytes. A bad line
        stops nothing. Positions in what is reported are numbers of lines, from 1.

        Args:
            path: NDJSON, plain or gzip; "-" for standard input.
            name: The import's name; the file's by default, needed for standard input.
            resume: Go on behind the last batch that is done, says `FILE.checkpoint`. That is there
                while any work is left, and with `resume` stays.
            dead_letters: Takes rejected lines, ready to be mended and sent, `FILE.rejected.ndjson`
                by default; their reasons go beside it, into `FILE.rejected.reasons.ndjson`.
            batch_size: Most lines a request, 1 to 5,000.
            in_flight: Most requests at once, 1 to 64.
            on_batch: Called with a `BatchReport` for each batch, as in `send_many`.
            max_requests: Most first tries in a `period`; None for no limit.
            period: Seconds or timedelta that `max_requests` counts for.

        Returns:
            Counts, and the first 1,000 failures; the dead letters hold every rejected line.

        Raises:
            OSError: The file cannot be read, or what belongs beside it not written.
            InvalidArgumentError: The checkpoint is of another file, name or version.
            AuthenticationError, TransportError: As in `send_many`.

        HTTP: `POST /e/{eventKey}`, as `send`.
        """
        from inngest_rest._core.file_import import send_file

        return await send_file.send_file_async(
            self._driver,
            self._session,
            send_file.check_options(path, name, dead_letters, resume=resume),
            send_many.check_options(
                self._session, batch_size, in_flight, on_batch, max_requests, period
            ),
        )

    async def health(self) -> None:
        """Return if the server is up.

        Raises:
            InngestError: It is not, or it is no Inngest server.

        HTTP: `GET /health` on the host of events.
        """
        from inngest_rest._core.resources import health

        return await self._driver.run(health.check(self._session))

    async def aclose(self) -> None:
        """Close the connections; the client cannot be used afterwards."""
        await self._driver.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
