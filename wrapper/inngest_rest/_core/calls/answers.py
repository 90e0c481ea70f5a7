"""Turn an HTTP response into a value, or into an error that says what to do.

The *effective* status is checked before anything is parsed: the HTTP status, or the one in the body
where a GET of v1 responds with HTTP 200 to an error (recording v1-event-unknown). The status alone
determines the class of an error; the body has the message, and for a 404 it shows whether the
resource or the route is missing.

The responses themselves are kept for `client.raw()`, and for errors. A recording applies to the
calls of its context, as a decimal context does: to the thread or task that opened it, and to those
that a call starts.
"""

from __future__ import annotations

import json
import math
import re
from collections import deque
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, cast, get_args

from attrs import frozen

from inngest_rest import errors
from inngest_rest._core.calls.settings import (
    ALLOW_HTTP_ON,
    API_KEY,
    API_URL,
    BASE_URL,
    EVENT_KEY,
    HEADERS,
    SIGNING_KEY,
)
from inngest_rest._core.clock import http_date
from inngest_rest._core.json_text import decode
from inngest_rest._core.messages import Response
from inngest_rest._core.secret import cause_without_keys
from inngest_rest._faults import refused_in_between
from inngest_rest._ulid import is_ulid
from inngest_rest._visible import shown
from inngest_rest_api.types import Unreadable, read_json

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from datetime import datetime

    from inngest_rest._core.calls.route import Route
    from inngest_rest._core.calls.session import Session
    from inngest_rest.responses import RawResponse

A = TypeVar("A")
T = TypeVar("T")

_BY_STATUS: dict[int, type[errors.ApiError]] = {
    400: errors.BadRequestError,
    401: errors.AuthenticationError,
    403: errors.PermissionDeniedError,
    404: errors.NotFoundError,
    405: errors.RouteNotFoundError,
    407: errors.AuthenticationError,
    409: errors.ConflictError,
    422: errors.BadRequestError,
    429: errors.RateLimitError,
    501: errors.RouteNotFoundError,
}

_NO_RUN = "Unable to load function run: "

# Bytes of a response that errors show; a successful one may be larger. Looking for keys takes long.
_SHOWN = 64 * 1024

# The keys each API accepts, for the message of a rejected one.
_KEYS = {
    "ingest": (EVENT_KEY,),
    "v1": (SIGNING_KEY,),
    "v2": (SIGNING_KEY, API_KEY),
}

_KEYS_ARE_MADE = (
    "API keys are made, with their permissions, in the dashboard of Inngest Cloud, by an admin of "
    "the organization."
)

_NOT_FOLLOWED = errors.Advice(
    "Redirects are not followed, as they would pass on the keys. If it is the server, set {}.",
    (BASE_URL,),
)

# By its vendor's documentation, which is all that is known of it.
_MAY_LACK_V2 = errors.Advice(
    'Inngest Cloud may not have enabled v2 for the account: api_version="v1" avoids it in Python.'
)

# By its vendor's documentation of October 2026.
_MAY_BE_DISABLED = errors.Advice(
    "On Inngest Cloud an API key may have expired, and an admin may have disabled legacy keys, "
    "which include signing keys."
)

_IN_BETWEEN = (
    "Something between here and Inngest, such as a reverse proxy, refused this: {sign}. The keys "
    "are not the cause."
)
_LET_IT_PASS = errors.Advice(
    "Let these requests pass there, or send the header it requires in {}, such as "
    "proxy-authorization.",
    (HEADERS,),
)

_WITHHELD = errors.Advice(
    "A dev server on another machine gets no keys over plain http: use https, or set {}.",
    (ALLOW_HTTP_ON,),
)

# Objects and lists in a response: 64 MiB have room for 20 million; each takes up to 0.2 us.
_MOST_CONTAINERS = 1_000_000

# A Retry-After longer than this is absurd, and would overflow timers.
_LONGEST_PAUSE = 366 * 86_400.0


def read(response: Response, route: Route[A, T], url: str, session: Session) -> T:
    """Return the result of a complete response to a URL without keys, or raise its error."""
    answer = _Response(response, route, url, session)
    content = response.content
    if len(content) > _MOST_CONTAINERS:  # a deadline holds for reading, too
        found = content.count(b"{") + content.count(b"[")
        if found > _MOST_CONTAINERS:
            raise answer.invalid(f"it is made of {found:,} objects and lists")
    accepted = route.accepted.get(response.status_code)
    forms = route.forms if accepted is None else (accepted,)
    try:
        answer.raise_error()
        if not forms:
            with suppress(ValueError):
                answer.check_about(read_json(content))
            return route.convert(cast("A", None))
        if forms[0] is Response:
            return route.convert(cast("A", response))
        page = _read_page(forms[0], content)
        if page is not None:
            return route.convert(page)
        body = read_json(content)
        answer.check_about(body)
        return route.convert(read_model(forms, body))
    except errors.InngestError:
        raise
    except Exception as error:  # noqa: BLE001 - raised as another below
        # Any response must end in a result or an error of this package.
        if isinstance(error, json.JSONDecodeError):
            error.doc = ""  # the whole body, which may quote a key
        if isinstance(error, AttributeError) and isinstance(error.obj, Unreadable):
            error = ValueError(error.obj.reason).with_traceback(error.__traceback__)
        reason = f"not as documented ({type(error).__name__}: {error})"
        cause = cause_without_keys(error, session.redact)
    # Outside that clause: an error that quotes a key is not to be its context either.
    raise answer.invalid(reason) from cause


@frozen
class _Response:
    _response: Response
    _route: Route[Any, Any]
    _url: str
    _session: Session

    @property
    def _raw(self) -> RawResponse:
        return raw_response(
            self._session, self._route, self._response, self._url, at_most=_SHOWN
        )

    def invalid(self, reason: str) -> errors.InvalidResponseError:
        return errors.InvalidResponseError(
            self._session.quote(reason),
            method=self._route.operation.method,
            url=self._url,
            status=self._response.status_code,
            body=self._session.quote(_text(self._response)),
            response=self._raw,
        )

    def check_about(self, body: Any) -> None:
        """Refuse a response about something else; one that does not say what is not refused."""
        about = self._route.about
        if about is None or not isinstance(body, dict) or not is_ulid(about.id):
            return
        data = cast("dict[str, Any]", body).get("data")
        stated = (
            cast("dict[str, Any]", data).get(about.field)
            if isinstance(data, dict)
            else None
        )
        # Servers ignore the case of the letters.
        if isinstance(stated, str) and stated.upper() != about.id.upper():
            raise self.invalid(f"it is about {shown(stated)}, not about {about.id}")

    def raise_error(self) -> None:
        """Raise the error a response reports; return if it reports none."""
        response = self._response
        is_success = 200 <= response.status_code < 300
        if is_success and self._is_of_the_web_ui():
            self._raise_absent()
        is_accepted = is_success or response.status_code in self._route.accepted
        if is_accepted and not self._may_hide_an_error():
            return
        body: dict[str, Any] = {}
        with suppress(ValueError):
            payload = decode(response.content)
            body = cast("dict[str, Any]", payload) if isinstance(payload, dict) else {}
        if not is_accepted or (response.status_code >= 400 and "errors" in body):
            raise self._error(body, response.status_code, hidden=False)
        self._raise_hidden_error(body)

    def _raise_hidden_error(self, body: dict[str, Any]) -> None:
        """Raise the error that the body of a success states."""
        is_v1 = self._route.operation.tag == "v1"
        stated = body.get("errors") or (not is_v1 and body.get("error"))
        if stated and not body.get("data"):
            # Nobody knows what became of the request.
            words = _words(body, self._response)[0]
            raise self.invalid(f"a success that states an error: {words}")
        if is_v1 and "data" in body and body["data"] is None:
            stated = body.get("status")
            raise self._error(body, stated if type(stated) is int else 0, hidden=True)

    def _may_hide_an_error(self) -> bool:
        """Return whether an accepted response may be an error, found out without parsing it."""
        content = self._response.content
        if self._route.operation.tag not in ("v1", "v2"):
            return False
        if self._response.status_code == 422:  # accepted for the errors that it lists
            return False
        return b'"error"' in content or b'"errors"' in content

    def _error(
        self, body: dict[str, Any], status: int, *, hidden: bool
    ) -> errors.ApiError:
        """Return the error of an effective status; `hidden` if the HTTP status is a success."""
        if status < 400:
            raise self._neither_result_nor_error()
        message, code, about_resource = _words(body, self._response)
        if status == 500 and self._is_about_no_run(message, hidden=hidden):
            status, hidden, about_resource = 404, True, True
        challenge = self._response.headers.get("www-authenticate", "")
        lacks_scope = "insufficient_scope" in f"{code}{challenge}"
        error = _error_class(
            status, lacks_scope=lacks_scope, about_resource=about_resource
        )(
            self._session.quote(message),
            status=status,
            code=self._session.quote(code) if isinstance(code, str) else None,
            hidden=hidden,
            method=self._route.operation.method,
            url=self._url,
            response=self._raw,
        )
        dated = http_date(self._response.headers.get("date"))
        now = dated or self._session.server_clocks[self._route.host].now()
        error.retry_after = _retry_after(self._response, now)
        advice = self._advice(error, lacks_scope=lacks_scope)
        if advice is not None:
            error.advice = advice
        return error

    def _neither_result_nor_error(self) -> errors.InvalidResponseError:
        """Return the error for such a status; a redirect is not followed, but named."""
        reason, location = (
            "neither a result nor an error",
            self._response.redirects_to,
        )
        if location is None:
            return self.invalid(reason)
        error = self.invalid(
            f"{reason}: it redirects to {shown(self._session.redact(location))}"
        )
        error.advice = _NOT_FOLLOWED
        return error

    def _is_about_no_run(self, message: str, *, hidden: bool) -> bool:
        """Return whether these are v1's words for "no such run".

        Release 1.45 no longer hides them under HTTP 200; there, the run must be the one asked for.
        """
        if self._route.operation.tag != "v1" or not message.startswith(_NO_RUN):
            return False
        return hidden or message.removeprefix(_NO_RUN) in self._url

    def _advice(
        self, error: errors.ApiError, *, lacks_scope: bool
    ) -> errors.Advice | None:
        """Return what to do about an error, if that is known."""
        kind, route = type(error), self._route
        sign = refused_in_between(error)
        if sign is not None:
            return errors.Advice(_IN_BETWEEN.format(sign=sign)).then(_LET_IT_PASS)
        if kind in route.advice:
            return route.advice[kind]
        if kind is errors.AuthenticationError:
            return self._advice_on_keys()
        if kind is errors.PermissionDeniedError and (
            lacks_scope or route.operation.tag == "v2"
        ):
            return self._advice_on_permissions(lacks_scope=lacks_scope)
        return None

    def _advice_on_permissions(self, *, lacks_scope: bool) -> errors.Advice:
        """Return which permission the key needs: the one the server names, or that of the call."""
        challenge = self._response.headers.get("www-authenticate", "")
        scope = re.search(r'scope="([^"]+)"', challenge) if lacks_scope else None
        permission = scope[1] if scope else self._route.operation.permission
        needed = (
            f"permission {self._session.quote(permission)}"
            if permission
            else "permission"
        )
        return errors.Advice(
            f"The call needs a key with the {needed}. {_KEYS_ARE_MADE}"
        )

    def _advice_on_keys(self) -> errors.Advice:
        """Return what to do where the server rejects a key."""
        settings, api = self._session.settings, self._route.operation.tag
        keys = _KEYS[api]
        advice = errors.Advice(
            f"Check {' or '.join('{}' for _ in keys)}, and that it belongs to this server and "
            "environment.",
            keys,
        )
        if settings.withholds_keys:
            advice = _WITHHELD
        # A signing key that Inngest Cloud refuses in v2 may be one that v1 takes.
        if api == "v2" and settings.api_url == API_URL and settings.signing_bearers:
            advice = advice.then(_MAY_LACK_V2)
        if api != "ingest" and settings.api_url == API_URL:
            advice = advice.then(_MAY_BE_DISABLED)
        return advice

    def _is_of_the_web_ui(self) -> bool:
        """Return whether this is what a server's web UI responds for a path that is not its own.

        Release builds send a page, builds without the UI send 200 and nothing, as v2 never does.
        """
        response, route = self._response, self._route
        if not response.content:
            return route.forms not in ((), (Response,)) or (
                route.operation.tag == "v2" and response.status_code == 200
            )
        return (
            "html" in response.headers.get("content-type", "")
            or response.content.lstrip()[:1] == b"<"
        )

    def _raise_absent(self) -> NoReturn:
        """Raise the error for a response of the web UI, caused by the one for a wrong base URL."""
        reason = (
            f"{'a web page' if self._response.content else 'an empty body'} instead of JSON; the "
            "web UI answers like this where the base URL or the path is wrong"
        )
        invalid = self.invalid(reason)
        if self._route.operation.tag == "ingest":
            raise invalid
        raise errors.RouteNotFoundError(
            reason,
            status=invalid.status,
            method=invalid.method,
            url=self._url,
            response=invalid.response,
        ) from invalid


def _error_class(
    status: int, *, lacks_scope: bool, about_resource: bool
) -> type[errors.ApiError]:
    if lacks_scope:
        return errors.PermissionDeniedError
    kind = _BY_STATUS.get(
        status, errors.ServerError if status >= 500 else errors.ApiError
    )
    if kind is errors.NotFoundError and not about_resource:
        return errors.RouteNotFoundError
    return kind


def _read_page(form: type[A], content: bytes) -> A | None:
    """Read a page of a listing straight from its JSON, if its form can and it is as documented."""
    from_json = getattr(form, "from_json", None)
    return None if from_json is None else from_json(content)


def read_model(forms: tuple[type[A], ...], body: object) -> A:
    """Read the first form, a generated model or a list of one, of which a body has something."""
    for form in forms:
        items: tuple[Any, ...] = get_args(form)
        if items:
            found: Any = [items[0].from_dict(each) for each in cast("list[Any]", body)]
            return cast("A", found)
        model: Any = form
        if (
            isinstance(body, dict)
            and cast("dict[str, Any]", body).keys() & model.FIELDS.keys()
        ):
            return cast("A", model.from_dict(body))
    raise ValueError(f"it has none of the fields of {forms[0].__name__}")


def _words(body: dict[str, Any], response: Response) -> tuple[str, object, bool]:
    """Return the message, the code, and whether a 404 would mean a missing resource."""
    if "problem+json" in response.headers.get("content-type", "").lower():
        return _words_of_problem(body, response)
    listed = body.get("errors")
    several = cast("list[object]", listed) if isinstance(listed, list) else []
    if found := [
        cast("dict[str, Any]", each) for each in several if isinstance(each, dict)
    ]:
        said = [error.get("message") for error in found]
        message = "; ".join(it if isinstance(it, str) else shown(it) for it in said)
        # The gateway's own code for an unknown path (recording v2-unknown-route).
        return message, found[0].get("code"), found[0].get("code") != "api_error"
    if isinstance(body.get("error"), str):
        return body["error"], body.get("code"), True
    text = _text(response).strip()
    is_page = "<" in text[:100]
    return (text if text and not is_page else response.reason_phrase), None, False


def _words_of_problem(
    body: dict[str, Any], response: Response
) -> tuple[str, object, bool]:
    """Return the same of problem details (RFC 9457); a title alone is the status in words."""
    given = body.get("title"), body.get("detail")
    title, detail = (each if isinstance(each, str) else "" for each in given)
    parts = [detail] if detail.startswith(title) else [title, detail]
    message = ": ".join(filter(None, parts)) or title or response.reason_phrase
    return message, body.get("code"), bool(detail)


def _text(response: Response) -> str:
    """Return the body as text, even if the server names an unknown character set."""
    return response.content[:_SHOWN].decode("utf-8", "replace")


def _retry_after(response: Response, now: datetime) -> float | None:
    """Return Retry-After in seconds, given in seconds or as a date; None if neither."""
    value = response.headers.get("retry-after")
    try:
        seconds = float(value or "")
    except ValueError:
        date = http_date(value)
        seconds = math.nan if date is None else (date - now).total_seconds()
    return None if math.isnan(seconds) else min(max(0.0, seconds), _LONGEST_PAUSE)


# `raw()` keeps only the last responses of a long listing or import.
_MOST_KEPT = 100

# The responses that are kept, for a client and its copies, by the retry budgets that they share.
_recordings: ContextVar[tuple[tuple[object, deque[RawResponse]], ...]]
_recordings = ContextVar("inngest_rest.raw", default=())


@contextmanager
def recording(session: Session) -> Generator[Sequence[RawResponse]]:
    """Keep the last responses to one client and its copies, as long as this is entered."""
    own = session.budgets, deque["RawResponse"](maxlen=_MOST_KEPT)
    _recordings.set((*_recordings.get(), own))
    try:
        yield own[1]
    finally:
        _recordings.set(tuple(each for each in _recordings.get() if each is not own))


def record(
    session: Session, route: Route[Any, Any], response: Response, url: str
) -> None:
    """Keep a response for the recordings of this context, if there are any."""
    if kept := [
        kept for client, kept in _recordings.get() if client is session.budgets
    ]:
        raw = raw_response(session, route, response, url)
        for each in kept:
            each.append(raw)


def raw_response(
    session: Session,
    route: Route[Any, Any],
    response: Response,
    url: str,
    *,
    at_most: int | None = None,
) -> RawResponse:
    """Return a complete response, or so many bytes of it, with the client's keys masked."""
    import httpx  # noqa: PLC0415 - for errors and recordings

    from inngest_rest.responses import RawResponse  # noqa: PLC0415

    masked = session.redact_bytes
    headers = [(masked(name), masked(value)) for name, value in response.fields]
    return RawResponse(
        status=response.status_code,
        method=route.operation.method,
        url=url,
        headers=httpx.Headers(headers),
        body=masked(response.content[:at_most]),
    )
