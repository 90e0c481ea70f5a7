"""Turn an HTTP response into a value, or into an error that says what to do.

The *effective* status is checked before anything is parsed: the HTTP status, or the one in the body
where a GET of v1 responds with HTTP 200 to an error (recording v1-event-unknown). The status alone
determines the class of an error; the body has the message, and for a 404 it shows whether the
resource or the route is missing.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar, cast, get_args

from attrs import frozen

from inngest_rest import errors
from inngest_rest._core.calls.hosts import API_URL
from inngest_rest._core.calls.recording import raw_response
from inngest_rest._core.calls.refusals import (
    MAX_SHOWN,
    retry_after,
    shown_text,
    stated_error,
)
from inngest_rest._core.calls.route import WholeResponse
from inngest_rest._core.calls.sources import (
    ALLOW_HTTP_ON,
    API_KEY,
    BASE_URL,
    EVENT_KEY,
    HEADERS,
    SIGNING_KEY,
)
from inngest_rest._core.clock import http_date
from inngest_rest._core.secret import cause_without_keys
from inngest_rest._local.faults import refused_in_between
from inngest_rest._values.json_text import decode
from inngest_rest._values.ulid import is_ulid
from inngest_rest._values.visible import shown
from inngest_rest_api.types import Unreadable, read_json

if TYPE_CHECKING:
    from datetime import datetime

    import httpx

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

# By the vendor's documentation; it was never observed.
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

_NO_JSON = "instead of JSON; the web UI answers like this where the base URL or the path is wrong"

# Objects and lists in a response: 64 MiB have room for 20 million; each takes up to 0.2 us.
_MOST_CONTAINERS = 1_000_000


def read(
    response: httpx.Response,
    route: Route[A, T],
    url: str,
    session: Session,
) -> T:
    """Return the result of a complete response, or raise its error; `url` has no keys."""
    answer = _Response(response, route, url, session)
    answer.check_size()
    try:
        answer.raise_error()
        return _result(answer, response, route)
    except errors.InngestError:
        raise
    except Exception as error:  # noqa: BLE001 - raised as another below
        # Any response must end in a result or an error of this package.
        if isinstance(error, AttributeError) and isinstance(error.obj, Unreadable):
            error = ValueError(error.obj.reason).with_traceback(error.__traceback__)
        reason = f"not as documented ({type(error).__name__}: {error})"
        raise answer.invalid(reason) from cause_without_keys(error, session.redact)


def _result(answer: _Response, response: httpx.Response, route: Route[A, T]) -> T:
    """Return the result of a successful response."""
    content = response.content
    accepted = route.accepted.get(response.status_code)
    forms = route.forms if accepted is None else (accepted,)
    if not forms:
        with suppress(ValueError):
            answer.check_about(read_json(content))
        return route.convert(cast("A", None))
    if forms[0] is WholeResponse:
        return route.convert(cast("A", response))
    page = _read_page(forms[0], content)
    if page is not None:
        return route.convert(page)
    body = read_json(content)
    answer.check_about(body)
    return route.convert(read_model(forms, body))


@frozen
class _Response:
    _response: httpx.Response
    _route: Route[Any, Any]
    _url: str
    _session: Session

    @property
    def _raw(self) -> RawResponse:
        return raw_response(
            self._session,
            self._route,
            self._response,
            self._url,
            at_most=MAX_SHOWN,
        )

    def check_size(self) -> None:
        """Refuse a body that takes longer to parse than a deadline would allow."""
        content = self._response.content
        if len(content) <= _MOST_CONTAINERS:
            return
        containers = content.count(b"{") + content.count(b"[")
        if containers > _MOST_CONTAINERS:
            raise self.invalid(f"it is made of {containers:,} objects and lists")

    def invalid(self, reason: str) -> errors.InvalidResponseError:
        return errors.InvalidResponseError(
            self._session.quote(reason),
            method=self._route.operation.method,
            url=self._url,
            status=self._response.status_code,
            body=self._session.quote(shown_text(self._response)),
            response=self._raw,
        )

    def check_about(self, body: Any) -> None:
        """Refuse a response about another resource; one that names none is accepted."""
        about = self._route.about
        if about is None or not is_ulid(about.id):
            return
        stated = _field_of(_field_of(body, "data"), about.field)
        if not isinstance(stated, str):
            return
        # Servers ignore the case of the letters.
        if stated.upper() != about.id.upper():
            raise self.invalid(f"it is about {shown(stated)}, not about {about.id}")

    def raise_error(self) -> None:
        """Raise the error that the response reports; return if it reports none."""
        response = self._response
        is_success = 200 <= response.status_code < 300
        if is_success:
            self._check_form()
        is_accepted = is_success or response.status_code in self._route.accepted
        if is_accepted and not self._may_hide_an_error():
            return
        body = self._json_object()
        if not is_accepted or (response.status_code >= 400 and "errors" in body):
            raise self._error(body, response.status_code, hidden=False)
        self._raise_hidden_error(body)

    def _json_object(self) -> dict[str, Any]:
        """Return the body if it is a JSON object, else an empty one."""
        try:
            payload = decode(self._response.content)
        except ValueError:
            return {}
        return cast("dict[str, Any]", payload) if isinstance(payload, dict) else {}

    def _raise_hidden_error(self, body: dict[str, Any]) -> None:
        """Raise the error that the body of a success states."""
        is_v1 = self._route.operation.tag == "v1"
        stated = body.get("errors")
        if not stated and not is_v1:
            stated = body.get("error")
        if stated and not body.get("data"):
            # Nobody knows what became of the request.
            message = stated_error(body, self._response).message
            raise self.invalid(f"a success that states an error: {message}")
        if is_v1 and "data" in body and body["data"] is None:
            status = body.get("status")
            if type(status) is not int:
                status = 0
            raise self._error(body, status, hidden=True)

    def _may_hide_an_error(self) -> bool:
        """Return whether an accepted response may be an error, without parsing it."""
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
        stated = stated_error(body, self._response)
        about_resource = stated.about_resource
        if status == 500 and self._is_about_no_run(stated.message, hidden=hidden):
            status = 404
            hidden = True
            about_resource = True
        code = stated.code
        challenge = self._response.headers.get("www-authenticate", "")
        lacks_scope = "insufficient_scope" in f"{code}{challenge}"
        kind = _error_class(
            status, lacks_scope=lacks_scope, about_resource=about_resource
        )
        quoted_code: str | None = None
        if isinstance(code, str):
            quoted_code = self._session.quote(code)
        error = kind(
            self._session.quote(stated.message),
            status=status,
            code=quoted_code,
            hidden=hidden,
            method=self._route.operation.method,
            url=self._url,
            response=self._raw,
        )
        error.retry_after = retry_after(self._response, self._server_time())
        advice = self._advice(error, lacks_scope=lacks_scope)
        if advice is not None:
            error.advice = advice
        return error

    def _server_time(self) -> datetime:
        """Return the date of the response, or else the time by the server's clock."""
        date = http_date(self._response.headers.get("date"))
        return date or self._session.server_clocks[self._route.host].now()

    def _neither_result_nor_error(self) -> errors.InvalidResponseError:
        """Return the error for a status below 400; it names the target of a redirect."""
        reason = "neither a result nor an error"
        if not self._response.has_redirect_location:
            return self.invalid(reason)
        location = self._response.headers["location"]
        target = shown(self._session.redact(location))
        error = self.invalid(f"{reason}: it redirects to {target}")
        error.advice = _NOT_FOLLOWED
        return error

    def _is_about_no_run(self, message: str, *, hidden: bool) -> bool:
        """Return whether the message is v1's for "no such run".

        Release 1.45 no longer hides it under HTTP 200; there, it must be about the requested run.
        """
        is_v1 = self._route.operation.tag == "v1"
        if not is_v1 or not message.startswith(_NO_RUN):
            return False
        return hidden or message.removeprefix(_NO_RUN) in self._url

    def _advice(
        self, error: errors.ApiError, *, lacks_scope: bool
    ) -> errors.Advice | None:
        """Return the advice for an error; None if there is none."""
        kind = type(error)
        sign = refused_in_between(error)
        if sign is not None:
            refused = errors.Advice(_IN_BETWEEN.format(sign=sign))
            return refused.then(_LET_IT_PASS)
        if kind in self._route.advice:
            return self._route.advice[kind]
        if kind is errors.AuthenticationError:
            return self._advice_on_keys()
        is_about_permissions = lacks_scope or self._route.operation.tag == "v2"
        if kind is errors.PermissionDeniedError and is_about_permissions:
            return self._advice_on_permissions(lacks_scope=lacks_scope)
        return None

    def _advice_on_permissions(self, *, lacks_scope: bool) -> errors.Advice:
        """Name the permission that the key needs: the server's word for it, or the call's."""
        permission = self._route.operation.permission
        challenge = self._response.headers.get("www-authenticate", "")
        scope = re.search(r'scope="([^"]+)"', challenge)
        if lacks_scope and scope:
            permission = scope[1]
        needed = "permission"
        if permission:
            needed += f" {self._session.quote(permission)}"
        return errors.Advice(
            f"The call needs a key with the {needed}. {_KEYS_ARE_MADE}"
        )

    def _advice_on_keys(self) -> errors.Advice:
        """Return the advice for a rejected key."""
        settings = self._session.settings
        api = self._route.operation.tag
        keys = _KEYS[api]
        placeholders = " or ".join("{}" for _ in keys)
        advice = errors.Advice(
            f"Check {placeholders}, and that it belongs to this server and environment.",
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

    def _check_form(self) -> None:
        """Refuse a success that is a web page, or empty where a result is needed."""
        response = self._response
        if response.content:
            is_html = "html" in response.headers.get("content-type", "")
            if is_html or response.content.lstrip().startswith(b"<"):
                raise self.invalid(f"a web page {_NO_JSON}")
        elif self._route.forms not in ((), (WholeResponse,)):
            raise self.invalid(f"an empty body {_NO_JSON}")


def _error_class(
    status: int, *, lacks_scope: bool, about_resource: bool
) -> type[errors.ApiError]:
    if lacks_scope:
        return errors.PermissionDeniedError
    kind = _BY_STATUS.get(status)
    if kind is None:
        return errors.ServerError if status >= 500 else errors.ApiError
    if kind is errors.NotFoundError and not about_resource:
        return errors.RouteNotFoundError
    return kind


def _field_of(value: object, name: str) -> object:
    """Return a field of a JSON object; None for any other value."""
    if not isinstance(value, dict):
        return None
    return cast("dict[str, object]", value).get(name)


def _read_page(form: type[A], content: bytes) -> A | None:
    """Read a page of a listing from its JSON; None if its form cannot, or it is malformed."""
    from_json = getattr(form, "from_json", None)
    return None if from_json is None else from_json(content)


def read_model(forms: tuple[type[A], ...], body: object) -> A:
    """Read a body as the first generated model, or list of one, that shares a field with it."""
    for form in forms:
        items: tuple[Any, ...] = get_args(form)
        if items:
            item = items[0]
            models: Any = [item.from_dict(fields) for fields in cast("list[Any]", body)]
            return cast("A", models)
        if not isinstance(body, dict):
            continue
        model: Any = form
        if cast("dict[str, Any]", body).keys() & model.FIELDS.keys():
            return cast("A", model.from_dict(body))
    raise ValueError(f"it has none of the fields of {forms[0].__name__}")
