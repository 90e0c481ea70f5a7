"""Shared by both drivers: running plans, bounded response reading, logging, transport errors.

What both do is a coroutine; in the blocking driver, all that it awaits blocks.

httpx is imported in functions: the table of calls, which `--help` reads, leads here.

A server must not exhaust memory. The client never requests compression; a body that is compressed
anyway is decoded here, since httpx decodes whole chunks, and 64 KB can decompress to 64 MB.
"""

from __future__ import annotations

import copy
import logging
import sys
import traceback
import zlib
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar

from inngest_rest._core import tracing
from inngest_rest._core.drivers.causes import lasting_cause
from inngest_rest._core.drivers.connection_pool import MAX_AT_ONCE, Transport
from inngest_rest._core.secret import cause_without_keys, chain
from inngest_rest._values.logs import logger, request_fields
from inngest_rest.errors import (
    ClosedError,
    InvalidResponseError,
    RequestTimeoutError,
    TransportError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from types import ModuleType

    import httpx

    from inngest_rest._core.clock import Clock
    from inngest_rest._core.drivers.carriers import Kind
    from inngest_rest._core.drivers.connection_pool import ConnectionPool, Owner
    from inngest_rest._core.plans import Call, Host, Plan

J = TypeVar("J")
T = TypeVar("T")


MAX_ERROR_BYTES = 64 * 1024
"""Bytes kept of an error response: its message is at the beginning."""


class PlanRunner(ABC, Generic[Transport]):
    """Runs plans on connections that it may share, and does what they await of it."""

    kind: ClassVar[Kind]

    def __init__(
        self, pools: Mapping[Host, ConnectionPool[Transport]], clock: Clock
    ) -> None:
        self._pools = pools
        self._clock = clock
        self._is_closed = False
        self.owns_pools = True

    @property
    def _closed(self) -> bool:
        # The owner of the pools closes them for every driver that shares them.
        return self._is_closed or any(pool.is_closed for pool in self._pools.values())

    def share(self) -> Self:
        """Return a driver on the same connections; closing it leaves them open."""
        other = copy.copy(self)
        other.owns_pools = False
        return other

    def _end(self) -> list[tuple[Owner, Transport]]:
        """Send nothing more, and return the idle transports, to be closed."""
        self._is_closed = True
        return [idle for pool in self._own_pools for idle in pool.close()]

    @property
    def _own_pools(self) -> set[ConnectionPool[Transport]]:
        return set(self._pools.values()) if self.owns_pools else set()

    async def _run(self, plan: Plan[T]) -> T:
        restore_others = tracing.suppress_others()
        try:
            return await plan
        except TransportError as error:
            _drop_own_frames(error)
            raise
        finally:
            restore_others()

    async def together(
        self, plan: Callable[[J], Plan[T]], jobs: Iterable[J], *, in_flight: int = 8
    ) -> list[T]:
        """Run the plan of each job at once, and return their results in order."""
        listed = list(jobs)
        results: list[Any] = []

        def keep(_: J, result: T | None) -> bool:
            results.append(result)
            return True

        if listed:
            # A single plan needs no thread of its own.
            at_once = min(in_flight, len(listed))
            await self._run_all(listed, plan, keep, in_flight=at_once)
        return results

    @abstractmethod
    async def _run_all(
        self,
        jobs: Sequence[J],
        plan: Callable[[J], Plan[T]],
        on_result: Callable[[J, T | None], bool],
        *,
        in_flight: int,
    ) -> None:
        """Run the plans of jobs at once, and tell of their results in their order."""

    async def call(self, call: Call[T], /) -> T:
        """Send one request and return its answer."""
        started = self._clock.monotonic()
        outcome: httpx.Response | TransportError
        try:
            outcome = await self._send(call, started)
        except BaseException as error:
            known = _of_tls(error) or error
            library = _library_of(known)
            if library is None:
                raise
            proxy = self._pools[call.host].proxy
            outcome = transport_error(
                call, known, library, closed=self._closed, proxy=proxy
            )
        if isinstance(outcome, TransportError):
            raise outcome
        if logger.isEnabledFor(logging.DEBUG):
            took = (self._clock.monotonic() - started) * 1_000
            status = outcome.status_code
            extra = request_fields(call.method, call.template, call.url)
            logger.debug(
                "%s %s -> %d in %.0f ms",
                call.method,
                call.url,
                status,
                took,
                extra={**extra, "status": status, "duration_ms": round(took, 1)},
            )
        return call.read(outcome)

    @abstractmethod
    async def sleep(self, seconds: float, /) -> None:
        """Pause, or raise `Stopped` if this runs in a job that was stopped."""

    @abstractmethod
    async def _send(
        self, call: Call[Any], started: float
    ) -> httpx.Response | TransportError:
        """Return the response, or the error if it took too long."""

    def _check_open(self) -> None:
        if self._closed:
            raise ClosedError("this client is closed; create a new one")


def _drop_own_frames(error: TransportError) -> None:
    """Drop the frames of a plan, which tell a caller nothing where there was no response.

    All are kept if code of the caller is among them, such as a generator of events.
    """
    for frame, _ in traceback.walk_tb(error.__traceback__):
        package = str(frame.f_globals.get("__name__")).partition(".")[0]
        if package != "inngest_rest" and package not in sys.stdlib_module_names:
            return
    error.__traceback__ = None


def _of_tls(error: BaseException) -> httpx.ReadError | None:
    """Return the error of httpx for an alert of TLS, which httpcore's reads in a loop let through.

    With TLS 1.3, a server refuses the client's certificate only after the handshake.
    """
    ssl = sys.modules.get("ssl")
    if ssl is None or not isinstance(error, ssl.SSLError):
        return None
    import httpx  # noqa: PLC0415

    read = httpx.ReadError(str(error))
    read.__cause__ = error
    return read


def _library_of(error: BaseException) -> ModuleType | None:
    """Return httpx or httpx2, if an error is one of its."""
    for name in ("httpx", "httpx2"):
        # Whoever raises an error of httpx2 has imported it.
        library = sys.modules.get(name)
        if library is not None and isinstance(error, library.RequestError):
            return library
    return None


def timed_out(call: Call[Any], proxy: str | None) -> TransportError:
    """Return the error for a response that did not come in time, perhaps through a proxy."""
    reason = f"no complete response within {call.timeout:g} s{_through(proxy)}"
    return _failure(call, RequestTimeoutError, reason, delivered=True)


def longest_wait(call: Call[Any]) -> float:
    """Return the seconds for which a request may wait while others are in flight.

    One that is sent with little time left gets no response in time from a server so busy, and then
    nobody knows whether it took effect.
    """
    return call.timeout * 0.75


def not_sent(call: Call[Any]) -> TransportError:
    """Return the error for a request that waited for too long while others were in flight."""
    seconds = f"{longest_wait(call):g} s"
    reason = (
        f"{MAX_AT_ONCE} requests were in flight for {seconds}; this one was not sent"
    )
    return _failure(call, RequestTimeoutError, reason, delivered=False)


def broken_off(call: Call[Any]) -> TransportError:
    """Return the error for a request that was in flight when the client was closed."""
    return _failure(call, TransportError, "the client was closed", delivered=True)


def transport_error(
    call: Call[Any],
    error: Any,
    library: ModuleType,
    *,
    closed: bool,
    proxy: str | None = None,
) -> TransportError:
    """Convert an error of httpx or httpx2; raise the result outside the except clause of its cause.

    Args:
        call: The request.
        error: The error.
        library: The package that has its class.
        closed: The client was closed meanwhile.
        proxy: The proxy through which the request goes, without its password.
    """
    error.request = library.Request(call.method, call.url)
    is_timeout = isinstance(error, library.TimeoutException)
    kind = RequestTimeoutError if is_timeout else TransportError
    reason = call.redact(
        f"{type(error).__name__}: {_text_of(error)}".removesuffix(": ")
    )
    if closed:
        reason += "; the client was closed"
    else:
        reason += _likely_cause(error, proxy)
    failure = _failure(
        call, kind, reason, delivered=not _is_undelivered(error, library)
    )
    failure.__cause__ = _in_a_line(cause_without_keys(error, call.redact))
    if advice := lasting_cause(reason):
        failure.permanent, failure.advice = True, advice
    return failure


def _text_of(error: Exception) -> str:
    """Return the message of an error, with what it has from its first cause.

    "All connection attempts failed" is all that anyio says, and nothing at all of an alert of TLS.
    """
    texts = dict.fromkeys(
        str(each) for each in chain(error) if isinstance(each, OSError)
    )
    message = str(error)
    details = [text for text in texts if text and text not in message]
    if not details:
        return message
    return f"{message} ({details[-1]})" if message else details[-1]


def _is_undelivered(error: Exception, library: ModuleType) -> bool:
    """Return whether an error proves that the request did not reach the server."""
    undelivered = (
        library.ConnectError,
        library.ConnectTimeout,
        library.PoolTimeout,
        library.ProxyError,
        library.UnsupportedProtocol,
    )
    if not isinstance(error, undelivered):
        return False
    cause = error.__cause__
    was_unconnected = _TRANSPORTS_BELOW.get(type(cause).__module__.partition(".")[0])
    return was_unconnected is None or was_unconnected(cause)


def _was_unconnected_by_aiohttp(cause: Any) -> bool:
    aiohttp = sys.modules["aiohttp"]
    return isinstance(
        cause, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError
    )


def _was_unconnected_by_pyreqwest(cause: Any) -> bool:
    """Return whether reqwest failed at "(Connect)", rather than at "(SendRequest)"."""
    return "(Connect)" in str(cause.details)


# Below a given transport. Both raise httpx's errors of a connection that could not be made also if
# a server ends one that it had accepted; what they raised, the cause, tells the two apart.
_TRANSPORTS_BELOW: dict[str, Callable[[Any], bool]] = {
    "aiohttp": _was_unconnected_by_aiohttp,
    "pyreqwest": _was_unconnected_by_pyreqwest,
}


def _failure(
    call: Call[Any],
    kind: type[TransportError],
    reason: str,
    *,
    delivered: bool,
) -> TransportError:
    extra = {
        **request_fields(call.method, call.template, call.url),
        "error": kind.__name__,
    }
    logger.debug("%s %s: %s", call.method, call.url, reason, extra=extra)
    return kind(
        reason,
        method=call.method,
        url=call.url,
        delivered=delivered,
    )


def _in_a_line(cause: BaseException | None) -> BaseException | None:
    """Return a cause that is printed as one line, as the steps of httpx tell nobody more."""
    if cause is not None:
        cause.__cause__, cause.__context__ = None, None
        cause.__traceback__ = None
    return cause


def _likely_cause(error: Exception, proxy: str | None) -> str:
    """Return a hint at the likely cause, to append to a terse network error.

    Args:
        error: The error.
        proxy: The proxy through which the request goes.
    """
    through = _through(proxy)
    if any(isinstance(each, ConnectionRefusedError) for each in chain(error)):
        what = "a server" if proxy is None else "that proxy"
        return f"{through}; is {what} running there?"
    if "WRONG_VERSION_NUMBER" in str(error):
        return f"{through}; the server expects http there, not https"
    return through


def _through(proxy: str | None) -> str:
    return "" if proxy is None else f"; the connection goes through the proxy {proxy}"


class Body:
    """Collects the chunks of a response, within the limits of its call."""

    def __init__(self, response: httpx.Response, call: Call[Any]) -> None:
        self._response = response
        self._call = call
        status = response.status_code
        self._is_needed_whole = 200 <= status < 300 or status in call.accepted
        limit = call.max_response_bytes
        self._limit = limit if self._is_needed_whole else min(limit, MAX_ERROR_BYTES)
        encoding = response.headers.get("content-encoding", "").strip().lower()
        # It finds out which of the two it is. Of an unknown encoding, the body fails as JSON.
        is_known = encoding in {"gzip", "x-gzip", "deflate"}
        self._decoder = zlib.decompressobj(zlib.MAX_WBITS | 32) if is_known else None
        self._chunks: list[bytes] = []
        self._size = 0

    def add(self, chunk: bytes) -> bool:
        """Add a chunk; return whether to continue reading; reject more than the call allows."""
        if self._decoder is not None:
            # zlib would keep whatever follows the end.
            rest = b"" if self._decoder.eof else chunk
            try:
                chunk = self._decoder.decompress(rest, self._limit + 1 - self._size)
            except zlib.error as error:
                import httpx  # noqa: PLC0415

                raise httpx.DecodingError(str(error)) from error
        self._chunks.append(chunk)
        self._size += len(chunk)
        if self._size <= self._limit:
            return True
        if self._is_needed_whole:
            raise InvalidResponseError(
                f"larger than {self._limit:,} bytes; max_response_bytes of the client allows more",
                method=self._call.method,
                url=self._call.url,
                status=self._response.status_code,
            )
        return False

    def finish(self) -> tuple[httpx.Response, bool]:
        """Return the response with this body, and whether that is complete."""
        content = b"".join(self._chunks)
        response = whole_response(self._response, content[: self._limit])
        return response, self._size <= self._limit


def whole_response(response: httpx.Response, content: bytes) -> httpx.Response:
    """Return a response, perhaps one of httpx2's, with its decoded body."""
    import httpx  # noqa: PLC0415

    given: Any = response
    if isinstance(given, httpx.Response):  # as it is; a new one takes twice as long
        response.headers.pop("content-encoding", None)
        response.stream = httpx.ByteStream(content)
        response.read()
        return response
    headers = [
        field for field in given.headers.raw if field[0].lower() != b"content-encoding"
    ]
    whole = httpx.Response(
        given.status_code,
        headers=headers,
        stream=httpx.ByteStream(content),
        extensions=response.extensions,
    )
    whole.read()
    return whole
