"""The client: its settings, sending, health, and the groups of methods."""

from __future__ import annotations

from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Never,
    NoReturn,
    ParamSpec,
    Self,
    TypeVar,
)

from inngest_rest._core.calls import settings as configuration
from inngest_rest._core.calls.recording import recording
from inngest_rest._core.calls.session import Session, copied
from inngest_rest._core.clock import SYSTEM_CLOCK, Clock, clock_of
from inngest_rest._core.drivers import connection_pool
from inngest_rest._core.drivers.asynchronous import AsyncDriver
from inngest_rest._local.limits import DEFAULT_EVENTS, DEFAULT_IN_FLIGHT
from inngest_rest.aio.generated_groups import Groups

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import timedelta
    from os import PathLike

    from inngest_rest._core.calls.route import GeneratedOperation
    from inngest_rest.diagnosis import Diagnosis
    from inngest_rest.event import EventLike
    from inngest_rest.explain import SendPreview
    from inngest_rest.models import Run
    from inngest_rest.reports import BatchReport, SendReport
    from inngest_rest.responses import Profile, RawResponse, Target
    from inngest_rest.retry import RetryPolicy
    from inngest_rest.status import Share, StatusReport
    from inngest_rest.typing import (
        ApiVersion,
        AsyncTransport,
        EventNameCheck,
        Method,
        Seconds,
    )

P = ParamSpec("P")
T = TypeVar("T")


class AsyncInngestClient(Groups):
    """A client for Inngest's HTTP API.

    An omitted argument is read from the environment variable named beside it. Creating a client
    sends nothing; the first call that needs a missing key reports it.

    Args:
        event_key: Key for sending events (INNGEST_EVENT_KEY).
        signing_key: Key for the REST API; only its hash is sent (INNGEST_SIGNING_KEY).
        signing_key_fallback: Key to try when `signing_key` is rejected, for use during a rotation
            (INNGEST_SIGNING_KEY_FALLBACK).
        api_key: Key for v2 of the REST API; without a signing key only v2 is used
            (INNGEST_API_KEY).
        env: Branch environment, sent as the `x-inngest-env` header (INNGEST_ENV); "" for none, even
            if the variable is set.
        dev: Use a dev server, which needs no keys: True for http://127.0.0.1:8288, or its URL
            (INNGEST_DEV).
        base_url: Base URL for events and the REST API alike (INNGEST_BASE_URL).
        event_base_url: Base URL for events, https://inn.gs by default (INNGEST_EVENT_API_BASE_URL).
        api_base_url: Base URL of the REST API, https://api.inngest.com by default
            (INNGEST_API_BASE_URL).
        api_version: "auto" picks the best version for each call; "v1" or "v2" uses only that one.
        timeout: Time limit per attempt, seconds or a timedelta, 30 s by default: half to connect.
        max_response_bytes: Largest accepted response, 64 MiB by default; a larger one raises
            `InvalidResponseError`. Error bodies are truncated at 64 KiB.
        retries: Maximum number of retries, or a `RetryPolicy`; by default 4 within 120 s.
        transport: Transport of httpx or httpx2 to use instead of the client's own, for limits,
            certificates of the client or tests; closed with the client.
        allow_http: Allow sending keys over plain HTTP to other machines (INNGEST_ALLOW_HTTP).
        headers: Headers to send with each request, such as `proxy-authorization` for a proxy in
            front of the server (INNGEST_HEADERS: `name: value`, one per line).
        event_name_check: "warn" logs names of events that do not follow the vendor's convention,
            `domain/noun.verb` in lower case, once each; "refuse" rejects such an event as invalid.
        profile: The name of a server in the file of profiles, which is taken whole: no variable of
            a server, a key or an environment counts beside it (INNGEST_PROFILE, where nothing else
            names a server or a key; INNGEST_CONFIG is the file).

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
        max_response_bytes: int | None = None,
        retries: int | RetryPolicy | None = None,
        transport: AsyncTransport | None = None,
        allow_http: bool | None = None,
        headers: Mapping[str, str] | None = None,
        event_name_check: EventNameCheck = "off",
        profile: str | None = None,
    ) -> None:
        arguments = {
            "event_key": event_key,
            "signing_key": signing_key,
            "signing_key_fallback": signing_key_fallback,
            "api_key": api_key,
            "env": env,
            "base_url": base_url,
            "event_base_url": event_base_url,
            "api_base_url": api_base_url,
            "profile": profile,
        }
        settings = configuration.resolve(
            arguments,
            dev=dev,
            api_version=api_version,
            timeout=timeout,
            max_response_bytes=max_response_bytes,
            retries=retries,
            allow_http=allow_http,
            event_name_check=event_name_check,
            headers=headers,
        )
        clock = clock_of(transport, self._clock)
        pools = connection_pool.pools(
            AsyncDriver.kind,
            transport,
            settings.event_proxy,
            settings.api_proxy,
            encrypts=settings.encrypts,
        )
        self._driver = AsyncDriver(pools, clock)
        has_own_transport = transport is not None
        self._session = Session(
            settings, self._driver, clock, has_own_transport=has_own_transport
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._session})"

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a client cannot be pickled or copied, as it holds connections: make one in each "
            "worker process, from the same arguments or variables; with_options() returns a copy"
        )

    @property
    def target(self) -> Target:
        """The URLs and the environment that the client uses."""
        return self._session.settings.target

    @property
    def profile(self) -> Profile | None:
        """The profile that the client was created from, if any."""
        return self._session.settings.profile

    def with_options(
        self,
        *,
        timeout: Seconds | None = None,
        retries: int | RetryPolicy | None = None,
        env: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Self:
        """Return a copy of the client with other options, for one call or for many.

        The copy shares the connections and the client's state about the server: missing routes,
        keys that worked, requested pauses. Closing the copy leaves the connections open; closing
        the client closes its copies, too. So a copy need not be closed.

        Args:
            timeout: Time limit per attempt, in seconds or as a timedelta.
            retries: Maximum number of retries, or a `RetryPolicy`.
            env: Branch environment; "" for none.
            headers: Headers to send with each request, in addition to those of the original client.
                Headers that the client sets itself, such as the authorization, are refused.

        Raises:
            ConfigurationError: An option is malformed; the message names it.
        """
        options = {"timeout": timeout, "retry": retries, "env": env, "headers": headers}
        return copied(self, self._session.with_options(**options), self._driver.share())

    def raw(self) -> AbstractContextManager[Sequence[RawResponse]]:
        """Record the responses to the calls in a `with` block: status, headers and body of each.

        `with client.raw() as responses: run = client.runs.get(id)`, and `responses[-1]` is the
        response that contained the run. A call may make several requests: retries, a second route,
        further pages. The last 100 responses are kept, including those to copies of the client
        (`with_options`). Calls of other threads and tasks are not recorded, except for those that a
        call starts itself.
        """
        return recording(self._session)

    async def send(
        self,
        events: EventLike | Iterable[EventLike],
        *more: Never,
        batch_size: int = DEFAULT_EVENTS,
    ) -> list[str]:
        """Send one or more events and return their internal ids, in order.

        All events are checked before any is sent. Retries are safe: each request has a seed, so
        nothing runs twice.

        Args:
            events: An `Event`, a mapping with the same keys, or an iterable of them.
            more: Not supported: pass a name and its data as one `Event`.
            batch_size: Maximum number of events per request, 1 to 5,000.

        Raises:
            InvalidEventError: The event at `position` is invalid; nothing was sent.
            PartialSendError: Some of several events were not accepted; `report` and `ids` show
                which.
            BadRequestError, ServerError, RequestTimeoutError: Sending a single event failed; a
                `PartialSendError` is the cause, with the event as it was sent.
            AuthenticationError: The event key is wrong; nothing was accepted.
            TransportError: The server could not be reached; nothing was accepted.

        HTTP: `POST /e/{eventKey}`, with at most 5,000 events per request and 3 MiB per event; with
            an API key alone `POST /v2/events`, one event per request.
        """
        from inngest_rest._core.sending.send import send

        return await self._run(send, events, *more, batch_size=batch_size)

    async def send_and_wait(
        self,
        event: EventLike,
        timeout: Seconds,
        *,
        raise_on_failure: bool = False,
    ) -> list[Run]:
        """Send one event, wait until every run that it starts has ended, and return them.

        Args:
            event: An `Event`, or a mapping with the same keys.
            timeout: Maximum time to wait after the event was sent, seconds or a timedelta.
            raise_on_failure: Raise `RunFailedError` for a run that did not complete; by default, it
                is returned.

        Returns:
            The runs, with their outputs or errors, including failed and cancelled ones.

        Raises:
            InvalidEventError: The event is invalid; nothing was sent.
            NoRunError: No run appeared, as in `events.wait`.
            RunFailedError: A run did not complete, with `raise_on_failure`; it has all `runs`.
            WaitTimeoutError: A run did not end in time; `runs` has the last known state of all, and
                `event_id` is the event's internal id, for `events.wait`.
            BadRequestError, ServerError, AuthenticationError, TransportError: As in `send`.

        HTTP: `POST /e/{eventKey}`, then as `events.wait`.
        """
        from inngest_rest._core.resources.wait_event import send_and_wait
        from inngest_rest.explain._explain import explain_stored

        return await self._run(
            send_and_wait,
            event,
            timeout,
            raise_on_failure,
            explain_stored,
        )

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
        """Send any number of events in bounded memory and report the outcome.

        Invalid events are reported; the rest are still sent. Events are drawn from the iterable
        only as fast as they can be sent, and batches are retried as safely as in `send`. Sending
        stops with an exception when it is pointless to continue: the key is rejected, or ten
        batches in a row failed.

        Args:
            events: Any iterable or asynchronous iterable; it is never loaded into memory as a
                whole.
            batch_size: Maximum number of events per request, 1 to 5,000.
            in_flight: Maximum number of concurrent requests, 1 to 64.
            on_batch: Called with a `BatchReport` for each batch, in order; also for batches in
                flight when an exception or a cancellation ends the sending. May be asynchronous.
            max_requests: Maximum number of requests per `period`, evenly spaced; retries, and
                requests that continue a batch after a rejected event, are not counted. None for no
                limit.
            period: Length of the period for `max_requests`, in seconds or as a timedelta.

        Returns:
            Counts, and the first 1,000 failures; further failures are passed to `on_batch` only.

        Raises:
            AuthenticationError, PermissionDeniedError: The event key is wrong, or not allowed.
            RouteNotFoundError: The host does not accept events.
            RateLimitError: The server asked for a pause beyond the policy's `total`.
            TransportError, ServerError: The server stopped responding, or kept failing.
            ClosedError: The client was closed. A note on each of these errors has the counts.
            InvalidArgumentError: An argument is malformed.

        HTTP: `POST /e/{eventKey}`, as `send`.
        """
        from inngest_rest._core.sending.job import SendJob, SendOptions

        sending = SendOptions(
            batch_size=batch_size,
            in_flight=in_flight,
            on_batch=on_batch,
            max_requests=max_requests,
            period=period,
        )
        return await SendJob(self._session, events, sending).run_async(self._driver)

    async def send_file(
        self,
        path: str | PathLike[str],
        *,
        name: str | None = None,
        csv: bool = False,
        event: str | None = None,
        columns: Mapping[str, str] | None = None,
        resume: bool = False,
        dead_letters: str | PathLike[str] | None = None,
        batch_size: int = DEFAULT_EVENTS,
        in_flight: int = DEFAULT_IN_FLIGHT,
        on_batch: Callable[[BatchReport], object] | None = None,
        max_requests: int | None = None,
        period: Seconds = 1.0,
    ) -> SendReport:
        """Send the events of a file, one JSON object per line or the rows of a table.

        Importing the same file again, even after a crash, starts no run twice within 24 hours,
        except for functions that debounce or batch events: an event without an id gets one derived
        from the import's name, the line number and its bytes. Invalid lines are reported; the rest
        are still sent. Reported positions are line numbers, from 1, or row numbers; the first row
        of a CSV file is its header.

        Args:
            path: NDJSON or CSV file, plain or gzip; "-" for standard input.
            name: Name of the import; the file's name by default, required for standard input.
            csv: Whether the file is CSV, separated by commas, semicolons or tabs. Implied by event
                and columns.
            event: The event name for the rows of a table, such as shop/order.created.
            columns: What a column holds, by its name, such as `{"total": "data.total:float"}`:
                the path of a field of the event, and perhaps the type. Paths are name, id, ts, v,
                data.NAME, user.NAME and sessions.NAME, by default data.COLUMN; an empty one drops
                the column. Types are text, int, float, bool, time (with its zone) and json.
            resume: Continue after the last completed batch recorded in `FILE.checkpoint`. That file
                exists while any work is left, and is kept when `resume` is True. An incomplete last
                line, such as a CSV row without a line break, is then left to the next call.
            dead_letters: File for rejected lines, ready to be fixed and sent;
                `FILE.rejected.ndjson` by default. The reasons are written beside it, to
                `FILE.rejected.reasons.ndjson`.
            batch_size: Maximum number of lines per request, 1 to 5,000.
            in_flight: Maximum number of concurrent requests, 1 to 64.
            on_batch: Called with a `BatchReport` for each batch, as in `send_many`.
            max_requests: Maximum number of requests per period; None for no limit.
            period: The period of `max_requests`, in seconds or as a timedelta.

        Returns:
            Counts, and the first 1,000 failures; `dead_letters` has every rejected line.

        Raises:
            OSError: The file cannot be read.
            InvalidArgumentError: A table has no event name, the checkpoint belongs to another file,
                name or version, another `send_file` is sending the file, or the checkpoint or the
                file of rejected lines cannot be written, for example because the disk is full.
            AuthenticationError, TransportError: As in `send_many`.

        HTTP: `POST /e/{eventKey}`, as `send`.
        """
        from inngest_rest._core.sending.job import SendOptions
        from inngest_rest.files._import.import_job import ImportJob
        from inngest_rest.files._import.options import options_of_file

        options = options_of_file(
            path, name, dead_letters, event, columns, csv=csv, resume=resume
        )
        sending = SendOptions(
            batch_size=batch_size,
            in_flight=in_flight,
            on_batch=on_batch,
            max_requests=max_requests,
            period=period,
        )
        return await ImportJob(self._session, options, sending).run_async(self._driver)

    async def preview(self, events: EventLike | Iterable[EventLike]) -> SendPreview:
        """Check events and list the functions they would start; send nothing.

        Conditions of triggers are evaluated with the extra `explain`. Memory does not grow with the
        number of events.

        Args:
            events: An `Event`, a mapping with the same keys, or an iterable of them.

        Returns:
            Counts, sizes, the functions that would run, and the events that are invalid.

        Raises:
            MissingKeyError: There is no key for sending events.

        HTTP: `GET /v2/apps` and `GET /v2/apps/{appId}/functions`, at most once a minute.
        """
        from inngest_rest._core.sending.send import checked
        from inngest_rest.explain._preview import preview

        return await self._run(preview, checked(self._session, events))

    async def preview_file(
        self,
        path: str | PathLike[str],
        *,
        name: str | None = None,
        csv: bool = False,
        event: str | None = None,
        columns: Mapping[str, str] | None = None,
    ) -> SendPreview:
        """Check the events of a file and list the functions they would start; send nothing.

        Args:
            path: The file, as in `send_file`.
            name: Name of the import, as in `send_file`.
            csv: Whether the file is CSV, as in `send_file`.
            event: The event name for the rows of a table, such as shop/order.created.
            columns: What a column holds, by its name, as in `send_file`.

        Returns:
            As `preview`; reported positions are line numbers.

        Raises:
            OSError: The file cannot be read.
            MissingKeyError: There is no key for sending events.

        HTTP: `GET /v2/apps` and `GET /v2/apps/{appId}/functions`, as `preview`.
        """
        from inngest_rest.explain._preview import preview
        from inngest_rest.files._import.import_job import batches_of_file
        from inngest_rest.files._import.options import options_of_file

        options = options_of_file(
            path, name, None, event, columns, csv=csv, resume=False
        )
        return await self._run(preview, batches_of_file(self._session, options))

    async def health(self) -> None:
        """Check that the server is up.

        Raises:
            InngestError: The server is not up, or is not an Inngest server.

        HTTP: `GET /health` on the host for events.
        """
        from inngest_rest._core.resources import routes

        return await self._run(routes.check_health)

    async def status(
        self,
        *,
        app: str | None = None,
        function: str | None = None,
        window: timedelta | None = None,
        failed_above: Share | None = None,
        no_success_of: Mapping[str, timedelta] | None = None,
        stuck_for: timedelta | None = None,
        queued_for: timedelta | None = None,
        queue_depth_above: int | None = None,
    ) -> StatusReport:
        """Judge whether work starts, succeeds and arrives, and whether anything is stuck or down.

        Each question has a finding with its figures, the limits of the evidence, and what shows
        more. "Broken" is always proven, or a rule that is set here; a quiet server is no fault.

        Args:
            app: Only runs and functions of this app, or of those that match, such as `shop-*`.
            function: Only those of this function of the app, or of those that match, such as
                `charge-*`.
            window: The time before now in which runs are judged. A timedelta, by default 1 hour.
            failed_above: Broken if more than this share of the runs failed, such as "5%" or 0.05.
                Of those that completed or failed in the window, whenever they were queued.
            no_success_of: Broken if no run of a function, such as shop/report or `shop/*`, has
                completed for this long. A timedelta by function; `*` are all that the status is
                about.
            stuck_for: Broken if a run has started, and is open for longer than this. A timedelta;
                functions that sleep or wait for long need a status of their own.
            queued_for: Broken if a run has been queued for longer than this, and not on purpose. A
                timedelta.
            queue_depth_above: Broken if all queues of a self-hosted server together have more items
                than this. Items of any app, including those due later, such as the end of a sleep.

        Returns:
            The worst severity, a headline, and each finding. A server that does not respond is
            "broken"; what it refuses or has no route for is "unknown".

        Raises:
            InvalidArgumentError: A rule is malformed; nothing was sent.
            NotFoundError: There is no such app or function.
            InngestError: The server answers, but nothing could be read, for example without a key.

        HTTP: `GET /health`, `GET /v2/runs`, `GET /metrics` (not of Inngest Cloud), `GET
        /v1/runs/{runId}/jobs`, `GET /v1/events` and `GET /v2/apps`: at most 26 requests, and for up
        to three runs those of `runs.explain`. Of a busy window a sample of 700 runs is read.
        Functions take `GET /v2/apps/{appId}/functions` for each app, and crons `GET /v2/runs` for
        each function that has one, and where one has no run since it was due `GET
        /v1/apps/{appId}/functions`; those of more than 10 apps or 50 functions are not read.
        `no_success_of` takes one or two more `GET /v2/runs` for each function.
        """
        from inngest_rest.explain._explain import explain_run
        from inngest_rest.status._plan import status

        return await self._run(
            status,
            explain_run=explain_run,
            app=app,
            function=function,
            window=window,
            failed_above=failed_above,
            no_success_of=no_success_of,
            stuck_for=stuck_for,
            queued_for=queued_for,
            queue_depth_above=queue_depth_above,
        )

    async def diagnose(self) -> Diagnosis:
        """Check which server responds at the base URL, and whether keys and settings match it.

        Each problem has a remedy, and no finding contains a key. Only read requests are sent, each
        once, so whether an event key is accepted stays unknown.

        Returns:
            The kind and the release of the server, the findings, and the route that serves each
            call. A server that does not respond, or is not Inngest, is a finding, too.

        Raises:
            ClosedError: The client is closed.

        HTTP: `GET /health`, `GET /dev`, `GET /v1/events`, `GET /v2/health`, `GET /v2/operations`;
        with an API key of Inngest Cloud, `GET /v2/runs` and `GET /v2/apps`.
        """
        from inngest_rest.diagnosis._diagnose import diagnose

        return await self._run(diagnose)

    async def call(
        self, operation: GeneratedOperation[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Perform an operation of the generated client, with the keys and retries of this one.

        `client.call(v2.get_run_v2, run_id)`, where `v2` is `inngest_rest_api.api.v2`.

        Args:
            operation: The generated module. A POST or PATCH that may have had an effect is not
                retried.
            args: The arguments of its `get_kwargs`; in place of an `event_key`, the client's is
                sent.
            kwargs: The same arguments by name.

        Returns:
            The generated model of the response; errors are raised.

        Raises:
            InngestError: As any call does; nothing was sent after an `InvalidArgumentError`.

        HTTP: `operation.OPERATION` has it.
        """
        from inngest_rest._core.resources import routes

        return await self._run(routes.call_directly, operation, *args, **kwargs)

    async def request(
        self,
        method: Method,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
    ) -> RawResponse:
        """Request any path, such as one of a newer server that no other method covers.

        A POST or PATCH that may have had an effect is not retried.

        Args:
            method: The HTTP method.
            path: A path below /v1/ or /v2/, or /health, /dev, /metrics or /e/{event_key}. A query
                in it is extended.
            query: The query parameters; a list for a repeated one.
            body: The JSON body.

        Returns:
            The response, with the client's keys masked; errors are raised.

        Raises:
            InngestError: As any call does; nothing was sent after an `InvalidArgumentError`.

        HTTP: `method` and `path`, as they are given.
        """
        from inngest_rest._core.resources import routes

        return await self._run(
            routes.request_directly, method, path, query=query, body=body
        )

    async def aclose(self) -> None:
        """Close all connections; the client cannot be used afterwards."""
        await self._driver.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
