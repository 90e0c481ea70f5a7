"""Diagnose a server, by single reads whose errors are evidence; check rules about its runs."""

from __future__ import annotations

import platform
import re
from collections import Counter
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from urllib.parse import urlsplit

import httpx
from attrs import define, evolve, field, frozen

from inngest_rest import errors
from inngest_rest._arguments import invalid
from inngest_rest._core.arguments import check_count, check_names
from inngest_rest._core.calls import answers
from inngest_rest._core.calls.listing import read_all
from inngest_rest._core.calls.operation import may_ask, redacted_url, request
from inngest_rest._core.calls.route import V2_ROOT, V2_ROOT_BEFORE_1_26, Route
from inngest_rest._core.clock import http_date
from inngest_rest._core.plans import Plan, call
from inngest_rest._core.resources import apps
from inngest_rest._core.resources.fields import required
from inngest_rest._core.resources.filters import Instant, Selection, Window, instant, plain
from inngest_rest._core.resources.routes import ROUTES, check_health
from inngest_rest._core.resources.runs import function_of, list_runs, why_none
from inngest_rest._faults import refused_in_between
from inngest_rest._version import __version__
from inngest_rest._visible import and_more, shown
from inngest_rest.diagnosis import (
    CallRoute,
    Check,
    CheckReport,
    Diagnosis,
    Finding,
    FindingState,
    RuleResult,
    ServerKind,
)
from inngest_rest.models import UNFINISHED, Run, RunStatus
from inngest_rest.responses import is_on_cloud
from inngest_rest.typing import CheckRule
from inngest_rest_api import models as api
from inngest_rest_api.api import ingest, v1, v2

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.calls.settings import Settings
    from inngest_rest._core.secret import Secret
    from inngest_rest_api.api import Operation

    # The state, the observation, and the remedy.
    Verdict = tuple[FindingState, str, str | None]

    Found = Plan[tuple[bool, str]]
    """Whether a rule is broken, and what was found."""

OK, WARNING = FindingState.OK, FindingState.WARNING
PROBLEM, UNKNOWN = FindingState.PROBLEM, FindingState.UNKNOWN
DEV, SELF_HOSTED, CLOUD = ServerKind.DEV, ServerKind.SELF_HOSTED, ServerKind.CLOUD

_NAMES = {
    DEV: "a dev server",
    SELF_HOSTED: "a self-hosted server",
    CLOUD: "Inngest Cloud",
    None: "a server of Inngest",
}

# By the prefixes of the vendor's keys (document, security schemes).
_KEY_KINDS = {"signkey-": "a signing key", "sk-inn-api-": "an API key"}

_ANY_KEY = "Set a key that the server accepts."

_MOST_SKEW_S = 5.0

# Whether the server is up is a separate finding.
_CALLS = {call: operations for call, operations in ROUTES.items() if call != "health"}


@frozen
class Answer:
    """The result of a probe: a value or an error, and facts from the response's headers."""

    family: str
    value: str | None = None
    error: errors.InngestError | None = field(default=None, repr=False)
    server_kind: str | None = None
    skew_s: float | None = None

    @property
    def outcome(self) -> Literal["silent", "failed", "refused", "absent", "there"]:
        """Whether the route is there; "failed" if the server is limited, too."""
        match self.error:
            case errors.TransportError():
                return "silent"
            case errors.AuthenticationError() | errors.PermissionDeniedError():
                return "refused"
            # v2 says so of a wrong method, and 404 of an unknown path (document, info).
            case errors.RouteNotFoundError(status=501):
                return "there"
            case errors.RouteNotFoundError() | errors.InvalidResponseError():
                return "absent"
            # v1 has its "not found" in a 200.
            case errors.RateLimitError() | errors.ServerError(hidden=False):
                return "failed"
            case None | errors.ApiError():
                return "there"
            case _:
                return "silent"

    @property
    def is_inngest(self) -> bool:
        """Whether a healthy Inngest server responded."""
        if refused_in_between(self.error):
            return False
        is_refused = self.outcome == "refused" and self.family != "ingest"
        is_its_own = self.error is None or self.server_kind is not None or is_refused
        return self.outcome in {"there", "refused"} and is_its_own

    @property
    def has_route(self) -> bool | None:
        """Whether the server has the route and accepts the key; None if unknown."""
        return {"there": True, "absent": False}.get(self.outcome)


@frozen
class Releases:
    """The range of possible server releases: from one, if known, and below another; or just one."""

    first: str | None = None
    below: str | None = None

    def have(self, operation: Operation) -> bool | None:
        """Return whether all of them have an operation, or none; None if only some do."""
        if operation.tag == "ingest":
            return True
        since = operation.since
        if since is None or operation.cloud_only:
            # No release is known to have it, so neither does the newest known one.
            return None if self == Releases() else False
        if self.first is not None and numbers(since) <= numbers(self.first):
            return True
        if self.below is not None and numbers(self.below) <= numbers(since):
            return False
        return None


def numbers(release: str) -> tuple[int, ...]:
    return tuple(map(int, release.split(".")))


@define
class ServerEvidence:
    settings: Settings
    has_own_transport: bool
    signing_keys: dict[str, Answer | None]  # by setting; None if it was not tried
    hosts: dict[str, Answer] = field(factory=dict[str, Answer])  # by URL
    kind: ServerKind | None = None
    release: str | None = None
    releases: Releases = field(factory=Releases)  # the possible ones, if it reports none
    api_key: Answer | None = None
    permissions: dict[str, bool] = field(factory=dict[str, bool])  # that a probe needed
    repeating: list[str] | None = None  # functions that run again for a repeated id, if known
    cancels_in_bulk: bool = True  # False if the server fails to list bulk cancellations

    @property
    def is_up(self) -> bool:
        """Whether every probed host responds like Inngest."""
        return all(each.is_inngest for each in self.hosts.values())

    @property
    def skew_s(self) -> float | None:
        return next((it.skew_s for it in self.hosts.values() if it.skew_s is not None), None)

    @property
    def calls(self) -> tuple[CallRoute, ...]:
        """The route that serves each call; empty if the server is down."""
        found = call_routes(self.settings, self.releases) if self.is_up else ()
        lacks: tuple[str, ...] = () if self.cancels_in_bulk else ("cancellations.",)
        return tuple(CallRoute(it.call, False) if it.call.startswith(lacks) else it for it in found)

    @property
    def calls_ruled_out(self) -> list[str]:
        """The calls served only by an API that the settings rule out."""
        may = partial(may_ask, self.settings)
        return [call for call, operations in _CALLS.items() if not any(map(may, operations))]


def call_routes(settings: Settings, releases: Releases) -> Iterator[CallRoute]:
    """Yield the first route that the server has for each call, else the first that it may have."""
    for name, operations in _CALLS.items():
        asked = [it for it in operations if may_ask(settings, it)]
        known = [it for it in asked if releases.have(it)]
        possible = [it for it in asked if releases.have(it) is None]
        # Among possible routes, prefer one that some server is known to have.
        for it in (known or sorted(possible, key=lambda it: it.since is None))[:1]:
            route = f"{it.method} {it.path}"
            yield CallRoute(name, True if known else None, it.tag, route, it.since)
        if not known and not possible:
            released = [it.since for it in asked or operations if it.since and not it.cloud_only]
            yield CallRoute(name, False, since=min(released, key=numbers, default=None))


_V2_SINCE, _V2_ROOT_SINCE, _QUERY_SINCE = "1.11.6", "1.26.0", "1.45.0"
_LISTS_SINCE = str(v2.list_operations_v2.OPERATION.since)


def _first_that_lists(response: httpx.Response) -> str:
    """Return the first release whose operations are those that a server lists."""
    listed = {each["id"]: each for each in response.json()["data"]["operations"]}
    has_query = "query" in listed["ListRuns"]["mcp"]["inputSchema"]["properties"]
    return _QUERY_SINCE if has_query else _LISTS_SINCE


HEALTH = Route.of(ingest.get_health, lambda it: required(it.message, "message"))
DEV_INFO = Route.of(ingest.get_dev_info, lambda it: required(it.version, "version"))
V1 = Route.of(v1.list_events_v1, lambda _: None, limit=1)
"""A cheap read that needs the signing key."""
LISTED = Route.of(v2.list_operations_v2, _first_that_lists, expected=httpx.Response)
"""The operations of the server, which needs no key."""
V2 = Route.of(v2.get_health_v2, lambda _: None)
"""The same in v2, which also accepts an API key."""
CANCELLATIONS = Route.of(v1.list_cancellations_v1, lambda _: None)


def _of_path(module: Any, *forms: type[Any]) -> Route[Any, str | None]:
    """Return a route that tests for a path: a GET for a resource that does not exist."""
    operation = module.OPERATION._replace(method="GET")
    kwargs = {"url": re.sub(r"\{\w+\}", "0" * 26, operation.path), "params": {"limit": 1}}
    return Route(operation, kwargs, forms, lambda _: None)


BY_RELEASE: tuple[Route[Any, Any], ...] = (
    *map(_of_path, (v2.list_apps_v2, v2.cancel_run_v2, v2.list_runs_v2, v2.rerun_run_v2)),
    *map(_of_path, (v2.get_app_v2, v2.list_event_runs_v2, v2.get_run_v2, v2.invoke_function_v2)),
    V2,
    _of_path(v1.list_functions_v1, list[api.V1Function]),
    V1,
)
"""Routes by the release that introduced them, newest first."""

SCOPED = tuple(map(_of_path, (v2.list_runs_v2, v2.list_apps_v2)))
"""Cheap reads, each with the permission that it needs."""


def diagnose(session: Session) -> Plan[Diagnosis]:
    """Find out which server responds, and whether keys and settings match it; reads only."""
    settings = session.settings
    names = settings.signing_key_kinds if settings.signing_bearers else ()
    found = ServerEvidence(settings, session.has_own_transport, dict.fromkeys(names))
    # A separate session: it neither trusts nor changes the record of missing routes.
    session = session.apart()
    health = found.hosts[settings.event_url] = yield from probe(session, HEALTH)
    any_key, *_ = (*settings.signing_bearers, settings.api_key)
    if settings.event_url != settings.api_url and found.is_up:
        found.hosts[settings.api_url] = yield from probe(session, V1, any_key)
    if found.is_up:
        if all(map(is_on_cloud, found.hosts)):
            found.kind = ServerKind.CLOUD
        elif (version := (yield from probe(session, DEV_INFO)).value) is not None:
            stated = re.match(r"v?(\d{1,9}\.\d{1,9}\.\d{1,9})\b", version)  # 1.43.0-253303c
            found.kind, found.release = ServerKind.DEV, stated and stated[1]
        elif health.server_kind is not None:
            found.kind = DEV if health.server_kind == "dev" else SELF_HOSTED
        if found.kind is None and settings.api_url == settings.event_url:
            # Other products have such a /health.
            sign = yield from probe(session, V1, any_key)
            if sign.has_route is False:
                found.hosts[settings.api_url] = sign
    if found.is_up:
        bearer = yield from _try_keys(session, found)
        if found.release is not None:
            found.releases = Releases(found.release, found.release)
        elif found.kind is not ServerKind.CLOUD:
            found.releases = yield from _narrow_down(session, bearer)
        if found.kind is ServerKind.DEV or bearer:
            listed = yield from probe(session, CANCELLATIONS, bearer)
            found.cancels_in_bulk = listed.outcome != "failed"
            deadline = session.clock.monotonic() + settings.timeout
            known = yield from apps.read_catalogue(session, deadline=deadline)
            if not known.gaps:
                repeating = filter(apps.ignores_repeated_ids, known.functions)
                found.repeating = list(map(apps.name_of, repeating))
    bounds = Releases() if found.release else found.releases
    python = platform.python_version()
    return Diagnosis(
        settings.target,
        found.kind,
        found.release,
        bounds.first,
        bounds.below,
        tuple(findings(found)),
        found.calls,
        found.skew_s,
        versions={"inngest-rest": __version__, "httpx": httpx.__version__, "python": python},
    )


def _try_keys(session: Session, found: ServerEvidence) -> Plan[Secret | None]:
    """Try each key; return the first that is accepted, preferably by both APIs."""
    settings = session.settings
    accepted: list[Secret] = []
    for name, bearer in zip(found.signing_keys, settings.signing_bearers, strict=True):
        answer = found.signing_keys[name] = yield from probe(session, V1, bearer)
        accepted += [bearer] if answer.has_route else []
    if settings.api_key is not None:
        found.api_key = yield from _probe_v2(session, settings.api_key)
        accepted += [settings.api_key] if found.api_key.has_route else []
        for route in SCOPED if found.kind is ServerKind.CLOUD and found.api_key.has_route else ():
            answer = yield from probe(session, route, settings.api_key)
            is_denied = isinstance(answer.error, errors.PermissionDeniedError)
            if is_denied or answer.has_route:
                found.permissions[route.operation.permission or ""] = not is_denied
    return next(iter(accepted), None)


def _probe_v2(session: Session, bearer: Secret | None) -> Plan[Answer]:
    """Probe v2 at each of its paths, and remember the one that responds."""
    session.absent.v2_root = V2_ROOT
    answer = yield from probe(session, V2, bearer)
    if answer.has_route is False:
        session.absent.v2_root = V2_ROOT_BEFORE_1_26
        answer = yield from probe(session, V2, bearer)
    return answer


def _narrow_down(session: Session, bearer: Secret | None) -> Plan[Releases]:
    """Return the releases consistent with what the server lists, or with the routes it has."""
    listed = yield from probe(session, LISTED)
    if listed.value is not None:
        is_newest = listed.value == _QUERY_SINCE
        return Releases(listed.value, None if is_newest else _QUERY_SINCE)
    health = yield from _probe_v2(session, bearer)
    if health.has_route is None:
        return Releases()
    if health.has_route and session.absent.v2_root == V2_ROOT:
        bounds = Releases(_V2_ROOT_SINCE, _LISTS_SINCE)
    else:
        bounds = Releases(below=_V2_ROOT_SINCE if health.has_route else _V2_SINCE)
    for route in BY_RELEASE:
        has = bounds.have(route.operation)
        if has is None:
            has = (yield from probe(session, route, bearer)).has_route
            if has:
                bounds = evolve(bounds, first=route.operation.since)
            elif has is False:
                bounds = evolve(bounds, below=route.operation.since)
        if has is not False:
            break
    return bounds


def probe(session: Session, route: Route[Any, Any], bearer: Secret | None = None) -> Plan[Answer]:
    """Make one request, without retries; any error but `ClosedError` is a result."""
    url, family = redacted_url(session, route), route.operation.tag
    began = session.clock.now()

    def read(response: httpx.Response) -> Answer:
        answers.record(session, route, response, url)
        middle = (began + session.clock.now()) / 2
        stated = http_date(response.headers.get("date"))
        # The Date header is truncated to seconds.
        skew = None if stated is None else round(stated.timestamp() + 0.5 - middle, 1)
        kind = response.headers.get("x-inngest-server-kind")
        answer = Answer(family, server_kind=kind, skew_s=skew)
        try:
            return evolve(answer, value=answers.read(response, route, url, session))
        except errors.InngestError as error:
            return evolve(answer, error=error)

    try:
        seconds = session.settings.timeout
        return (yield from call(request(session, route, bearer, url, seconds, read)))
    except errors.ClosedError:
        raise
    except errors.InngestError as error:
        return Answer(family, error=error)


def findings(it: ServerEvidence) -> Iterator[Finding]:
    for url, answer in it.hosts.items():
        yield from _host(it, url, answer)
    if it.is_up:
        yield Finding(Check.RELEASE, *_release(it))
        yield Finding(Check.MODE, *_mode(it))
    yield Finding(Check.EVENT_KEY, *_event_key(it))
    for name, tried in it.signing_keys.items():
        yield Finding(Check.SIGNING_KEY, *_key(it, name, tried))
    if not it.signing_keys:
        yield Finding(Check.SIGNING_KEY, *_no_signing_key(it))
    if it.settings.api_key is not None:
        yield Finding(Check.API_KEY, *_api_key(it))
    if it.is_up:
        yield Finding(Check.ENVIRONMENT, *_environment(it))
        yield Finding(Check.ROUTES, *_routes(it))
        if it.repeating:
            text = f"these debounce or batch, and run again for an id: {and_more(it.repeating, 10)}"
            remedy = "Let these functions check what they have done."
            yield Finding(Check.EVENT_IDS, WARNING, text, remedy)
        elif it.repeating is not None:
            text = "no function debounces or batches: each runs once for an event's id"
            yield Finding(Check.EVENT_IDS, OK, text)
        yield Finding(Check.CLOCK, *_clock(it))
    urls = dict.fromkeys((it.settings.event_url, it.settings.api_url))
    used = [f"{url} is reached through the proxy {at}" for url in urls if (at := _proxy(it, url))]
    yield Finding(Check.PROXIES, OK, "; ".join(used) or "no proxy is in effect")


def _host(it: ServerEvidence, url: str, answer: Answer) -> Iterator[Finding]:
    if answer.outcome == "silent":
        remedy = "Check INNGEST_BASE_URL and the network; for a dev server, set INNGEST_DEV=1."
        if proxy := _proxy(it, url):
            remedy = f"Check the proxy at {proxy}, or name the server in NO_PROXY."
        elif it.settings.dev:
            remedy = "Start a dev server (`npx inngest-cli@latest dev`), or set INNGEST_DEV to the "
            remedy += "URL of the one that runs."
        text = f"no response: {answer.error}"
        if isinstance(answer.error, errors.TransportError):
            text = f"no response: {answer.error.described}"
            remedy = answer.error.advice or remedy
        yield Finding(Check.CONNECTION, PROBLEM, text, remedy)
        return
    yield Finding(Check.CONNECTION, OK, f"{url} responds")
    if answer.is_inngest:
        yield Finding(Check.SERVER, OK, f"{_NAMES[it.kind]} answers at {url}")
        return
    text, remedy = f"{answer.error}", "Try again later; the server's own log says more."
    if isinstance(answer.error, errors.ApiError) and refused_in_between(answer.error):
        text = f"what refuses is not Inngest: {answer.error.described}"
        remedy = answer.error.advice
    elif answer.outcome != "failed":
        text = f"the server is not Inngest: {answer.error}"
        remedy = "Set INNGEST_BASE_URL to the server's URL, or INNGEST_DEV to that of a dev server."
    yield Finding(Check.SERVER, PROBLEM, text, remedy)


def _release(it: ServerEvidence) -> Verdict:
    if it.release:
        return OK, f"release {it.release}", None
    if it.kind is CLOUD:
        return OK, "Inngest Cloud, which does not state its release", None
    first, below = it.releases.first, it.releases.below
    bounds = [f"{first} or newer"] * bool(first) + [f"older than {below}"] * bool(below)
    if bounds:
        return OK, f"release {', '.join(bounds)}, by the routes that it has", None
    return UNKNOWN, "the server shows its release only to those with a key", _ANY_KEY


def _mode(it: ServerEvidence) -> Verdict:
    server = _NAMES[it.kind]
    if it.kind is None:
        return UNKNOWN, "it may be a dev server", "Set INNGEST_DEV to its URL if it is one."
    if it.settings.dev and it.kind is not DEV:
        text = f"INNGEST_DEV, or dev=, is set, but {server} answers, which checks keys"
        remedy = "Unset INNGEST_DEV, set INNGEST_BASE_URL to the server's URL, and set the keys."
        return WARNING, text, remedy
    if it.kind is DEV and not it.settings.dev:
        text = "a dev server answers, but calls fail without keys, since INNGEST_DEV is not set"
        return WARNING, text, f"Set INNGEST_DEV={it.settings.api_url}."
    return OK, f"{server}, which {'needs no' if it.kind is DEV else 'checks'} keys", None


def _event_key(it: ServerEvidence) -> Verdict:
    key = it.settings.event_key
    if it.settings.sends_by_v2:
        return OK, "not set: events are sent one by one, by the API key", None
    if key is None:
        text = "not set: events cannot be sent"
        return _not_needed(it) or (WARNING, text, "Set INNGEST_EVENT_KEY.")
    if kind := _kind_of(key):
        return PROBLEM, f"event_key (INNGEST_EVENT_KEY) is {kind}", "Set it to an event key."
    if it.kind is DEV:
        return OK, "set; a dev server takes any", None
    text = "set and well-formed; whether the server accepts it shows only when an event is sent"
    remedy = "Send an event that no function listens to: `inngest-rest send test/doctor`."
    return UNKNOWN, text, remedy


def _no_signing_key(it: ServerEvidence) -> Verdict:
    if found := _not_needed(it):
        return found
    if it.settings.api_key:
        text = f"not set: with an API key alone, there are no {', '.join(it.calls_ruled_out)}"
        return WARNING, text, "Set INNGEST_SIGNING_KEY for these."
    text = "neither a signing key nor an API key is set: runs, events and apps cannot be read"
    return PROBLEM, text, "Set INNGEST_SIGNING_KEY, or INNGEST_API_KEY for v2 alone."


def _not_needed(it: ServerEvidence) -> Verdict | None:
    if it.settings.withholds_keys:
        text = "not sent to another machine over plain http"
        return WARNING, text, "Use https, or set INNGEST_ALLOW_HTTP=1."
    if it.settings.dev and it.kind in {DEV, None}:
        return OK, "not set, and not needed for a dev server", None
    return None


def _api_key(it: ServerEvidence) -> Verdict:
    name = "api_key (INNGEST_API_KEY)"
    if (kind := _kind_of(it.settings.api_key)) == "a signing key":
        remedy = "Set INNGEST_SIGNING_KEY to it, and INNGEST_API_KEY to an API key or to nothing."
        return PROBLEM, f"{name} is {kind}", remedy
    state, text, advice = _key(it, name, it.api_key)
    for has, seen in ((True, "it has"), (False, "it lacks")):
        if found := [each for each, allowed in it.permissions.items() if allowed is has]:
            text += f"; {seen} {', '.join(found)}"
    if all(it.permissions.values()):
        return state, text, advice
    return WARNING, text, "Make a key with these permissions if you need such calls."


def _key(it: ServerEvidence, name: str, answer: Answer | None) -> Verdict:
    if answer is None:
        return UNKNOWN, f"{name} is well-formed, and was not tried", "Fix the connection first."
    if it.kind is DEV:
        return OK, f"{name} is set; a dev server checks none", None
    if answer.has_route:
        return OK, f"{name} is accepted", None
    if answer.outcome != "refused":
        return UNKNOWN, f"{name} is set; trying it failed: {answer.error}", "Try again later."
    if isinstance(answer.error, errors.ApiError) and refused_in_between(answer.error):
        text = f"whether {name} is accepted is unknown: {answer.error.described}"
        return UNKNOWN, text, answer.error.advice
    if isinstance(answer.error, errors.PermissionDeniedError):
        return WARNING, f"{name} is denied a read: {answer.error.described}", answer.error.advice
    remedy = "Check that it was copied whole, and belongs to this server and environment."
    if any(each and each.has_route for each in it.signing_keys.values()):
        text = f"the server rejects {name}, but accepts another key, which is used instead"
        return WARNING, text, f"{remedy} Or unset it."
    return PROBLEM, f"the server rejects {name}", remedy


def _environment(it: ServerEvidence) -> Verdict:
    env = it.settings.env
    key_envs = list(dict.fromkeys(filter(None, it.settings.signing_key_kinds.values())))
    if it.kind in {DEV, SELF_HOSTED}:
        if env is None:
            return OK, "none; only Inngest Cloud has any", None
        text = f"{env!r} is ignored: only Inngest Cloud has environments"
        return WARNING, text, "Unset INNGEST_ENV."
    of_keys = " and ".join(key_envs)
    if len(key_envs) > 1:
        text = f"the signing keys are for different environments: {of_keys}"
        return WARNING, text, "Set both to keys of the same environment."
    if env is None and key_envs == ["branch"]:
        text = "the signing key is for branch environments, and none is named"
        return PROBLEM, text, "Set INNGEST_ENV to the name of the branch environment."
    if env is None or key_envs == ["branch"]:
        of_key = f", as the signing key is for {of_keys}" if key_envs else ""
        return OK, f"{env or 'that of the keys'}{of_key}", None
    if not key_envs:
        text = f"{env!r} is asked for; no prefix of a key shows whether it is for a branch"
        return UNKNOWN, text, "Copy the signing key with its prefix, such as signkey-branch-."
    text = f"{env!r} is asked for, but the signing key is for {of_keys}: calls may act there"
    remedy = "Set INNGEST_SIGNING_KEY to the key of branch environments, or unset INNGEST_ENV."
    return WARNING, text, remedy


def _routes(it: ServerEvidence) -> Verdict:
    version, ruled_out = it.settings.api_version, it.calls_ruled_out
    if version != "auto" and ruled_out:
        text = f'api_version="{version}" rules out {", ".join(ruled_out)}'
        return WARNING, text, 'Use api_version="auto", the default, for these.'
    if it.kind is CLOUD:
        return OK, "Inngest Cloud has both APIs", None
    if it.releases == Releases():
        return UNKNOWN, "which calls the server can answer depends on its release", _ANY_KEY
    absent = [each for each in it.calls if each.is_available is False]
    since = {each.call: each.since for each in absent if each.since and each.call not in ruled_out}
    if since:
        calls = ", ".join(f"{call} (since {release})" for call, release in since.items())
        remedy = f"Upgrade the server to release {max(since.values(), key=numbers)} or newer."
        return WARNING, f"the server is too old for {calls}", remedy
    only = "webhooks, Insights, experiments, sessions and the creation of environments"
    if not it.cancels_in_bulk:
        only = f"bulk cancellations, {only}"
    return OK, f"the server has a route for every call; {only} are on Inngest Cloud only", None


def _clock(it: ServerEvidence) -> Verdict:
    skew = it.skew_s
    if skew is None:
        remedy = "Compare the time of both machines, if `since` and `until` select the wrong runs."
        return UNKNOWN, "the server does not state its time", remedy
    if abs(skew) <= _MOST_SKEW_S:
        return OK, f"the server's clock agrees, to within {max(abs(skew), 1.0):.1f} s", None
    off = f"{abs(skew):,.1f} s {'ahead of' if skew > 0 else 'behind'}"
    text = f"the server's clock is {off} this machine's: `since` and `until` select the wrong runs"
    return WARNING, text, "Synchronize the clocks of both machines, for example by NTP."


def _proxy(it: ServerEvidence, url: str) -> str | None:
    """Return the proxy's host and port for a URL, without its credentials."""
    settings = it.settings
    proxy = settings.event_proxy if url == settings.event_url else settings.api_proxy
    if it.has_own_transport or proxy is None:
        return None
    return urlsplit(proxy.reveal()).netloc.rpartition("@")[2]


def _kind_of(key: Secret | None) -> str | None:
    text = key.reveal() if key else ""
    return next((kind for prefix, kind in _KEY_KINDS.items() if text.startswith(prefix)), None)


# The time that a rule goes with.
_TIMES = {"failed_above": "since", "no_success_of": "within"}

# For so long before they count as stuck, runs are looked for: a server reads all of that time.
_STUCK_FOR = timedelta(days=7)


class _Rule(NamedTuple):
    name: str  # in words
    ask: Callable[[], Found]
    reads_all: bool = False  # it makes a self-hosted server read all the runs that it ever had


_RULES = "failed_above with since, no_success_of with within, stuck, queued_above or server"


def check(session: Session, rules: Iterable[CheckRule], rule: CheckRule) -> Plan[CheckReport]:
    """Check rules in order, that about the server first: without it, no other one can be told."""
    found = [*_rules(session, rule)]
    for at, given in enumerate(rules):
        try:
            found += _rules(session, given)
        except errors.InvalidArgumentError as error:
            raise invalid(f"rules[{at}]", f"is wrong: {error}") from None
    if not found:
        raise invalid("rules", f"are none: pass {_RULES}")
    results: list[RuleResult] = []
    failure: Exception | None = None
    for rule_of in sorted(found, key=lambda it: it.name != "server"):
        state, message = UNKNOWN, f"not checked after: {failure}"
        try:
            if not _is_vain(rule_of, failure):
                is_broken, message = yield from rule_of.ask()
                state = PROBLEM if is_broken else OK
        except (errors.ApiError, errors.InvalidResponseError, errors.TransportError) as error:
            message, failure = str(error), error
            if rule_of.name == "server":
                state, message = PROBLEM, f"the server does not answer: {error}"
        results.append(RuleResult(rule_of.name, state, message))
    report = CheckReport(session.settings.target, tuple(results))
    if failure is not None and report.is_ok:
        raise failure
    return report


def _is_vain(rule: _Rule, failure: Exception | None) -> bool:
    """Return whether a rule cannot be checked either, after another one could not."""
    if isinstance(failure, errors.RequestTimeoutError) and failure.advice:
        return rule.reads_all  # it is this kind of listing that takes so long
    return isinstance(failure, errors.TransportError)


def _rules(session: Session, given: CheckRule) -> Iterator[_Rule]:
    """Yield each rule that the arguments of one call, or one of `rules`, make."""
    check_names(given, CheckRule.__annotations__)
    passed: Any = {
        name: value for name, value in given.items() if value is not None and value is not False
    }
    where = [passed.pop(name) for name in ("app", "function") if name in passed]
    queued_since = passed.pop("queued_since", None)
    for name, time in _TIMES.items():
        if (name in passed) != (time in passed):
            lacks, has = (time, name) if name in passed else (name, time)
            raise invalid(lacks, f"is missing: {has} goes with it")
    if not passed and (where or queued_since):
        of_no_rule = next(name for name in ("app", "function", "queued_since") if given.get(name))
        raise invalid(of_no_rule, f"is of no rule: pass {_RULES}")
    if passed.get("server"):
        yield _Rule("server", partial(_health, session))
    for name, ask in _ASK.items():
        if name in passed:
            selection = _runs_of(session, name, given)
            words = [name, plain(passed[name]), plain(passed.get(_TIMES.get(name))), *where]
            words += [f"queued since {plain(queued_since)}"] if queued_since else []
            yield _Rule(
                " ".join(str(each) for each in words if each),
                partial(ask, session, selection, _bound(name, passed[name])),
                reads_all=name == "failed_above" and selection.by_end,
            )


def _runs_of(session: Session, name: str, rule: CheckRule) -> Selection:
    """Return which runs a rule of this name is about."""
    queued_since = rule.get("queued_since")
    select = partial(
        Selection.of,
        session,
        app=rule.get("app"),
        function=rule.get("function"),
        since=queued_since,
    )
    if name == "failed_above":
        settled = RunStatus.COMPLETED, RunStatus.FAILED
        return select(status=settled, ended_since=rule.get("since"))
    if name == "no_success_of":
        function, within = rule.get("no_success_of"), rule.get("within")
        return select(status="completed", function=function, ended_since=within)
    if name == "queued_above":
        return select(status="queued")
    before = rule.get("stuck")
    selection = select(status=UNFINISHED, until=before)
    if queued_since is not None or before is None:
        return selection
    begin = _before(before, session.server_clocks["api"].now())
    return evolve(selection, window=Window(begin, before))


def _before(until: Instant, now: datetime) -> Instant | None:
    """Return how long before runs count as stuck they are looked for; None before all time."""
    try:
        since = until + _STUCK_FOR if isinstance(until, timedelta) else until - _STUCK_FOR
        instant(since, now)
    except OverflowError:
        return None
    return since


def _bound(name: str, value: Any) -> float:
    if name == "queued_above":
        return check_count(name, value, at_least=0)
    match = re.fullmatch(r"(\d{1,2}(?:\.\d+)?) ?%", value) if isinstance(value, str) else None
    if name == "failed_above" and match is None:
        raise invalid(name, f'must be less than 100 %, such as "5%", not {shown(value)}')
    return float(match[1]) / 100 if match else 0.0


def _health(session: Session) -> Found:
    # Of one that hangs, it is told after the time of one request, whatever the retries.
    deadline = session.clock.monotonic() + session.settings.timeout
    yield from check_health(session, deadline=deadline)
    return False, "the server answers"


def _failed_above(session: Session, chosen: Selection, most: float) -> Found:
    total, failed = 0, Counter[str]()
    walk = list_runs(session, chosen).walk()
    while not walk.is_done:
        page = yield from walk.next_page()
        total += len(page.items)
        failed.update(function_of(run) for run in page.items if run.status == RunStatus.FAILED)
    share = failed.total() / total if total else 0.0
    most_of = f", most of {failed.most_common(1)[0][0]}" if failed else ""
    return share > most, f"{failed.total():,} of {total:,} runs failed ({share:.1%}){most_of}"


def _stuck(session: Session, chosen: Selection, _: float) -> Found:
    walk = list_runs(session, chosen, order="oldest", limit=100).walk()
    page = yield from walk.next_page()
    if not page.items:
        assert walk.now is not None
        since, _until = chosen.window.ends(walk.now)
        queued = f" of those queued since {since:%Y-%m-%d %H:%M} UTC" if since else ""
        return False, f"no run is stuck{queued}"
    oldest = page.items[0]
    about = f"{oldest.id} of {function_of(oldest)}, {oldest.status} since {oldest.queued_at}"
    if len(page.items) == 1 and page.next_cursor is None:
        return True, f"1 run is stuck: {about}"
    more = " or more" if page.next_cursor else ""
    return True, f"{len(page.items)}{more} runs are stuck, the oldest is {about}"


def _no_success_of(session: Session, chosen: Selection, _: float) -> Found:
    found: list[Run] = []
    if chosen.by_end:
        # Of a run that was queued since then, servers know at once: few succeed that are older.
        queued = evolve(chosen, window=Window(chosen.ended.since))
        found = yield from read_all(list_runs(session, queued, limit=1))
    found = found or (yield from read_all(list_runs(session, chosen, limit=1)))
    if found:
        return False, f"{function_of(found[0])} has completed, at {found[0].ended_at}"
    name = "/".join(filter(None, (chosen.names.app, chosen.names.function)))
    why = yield from why_none(session, chosen)
    return True, f"no run of {name} has completed" + (why and f"; {why}")


def _queued_above(session: Session, chosen: Selection, most: int) -> Found:
    found = yield from read_all(list_runs(session, chosen, limit=most + 1))
    if len(found) > most:
        return True, f"more than {most:,} {'run is' if most == 1 else 'runs are'} queued"
    return False, f"{len(found):,} {'run is' if len(found) == 1 else 'runs are'} queued"


_ASK: dict[str, Callable[[Session, Selection, Any], Found]] = {
    "failed_above": _failed_above,
    "stuck": _stuck,
    "no_success_of": _no_success_of,
    "queued_above": _queued_above,
}
