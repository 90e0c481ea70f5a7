"""What v2 alone has, besides runs, apps and functions, mostly on Inngest Cloud."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import httpx
from attrs import evolve

from inngest_rest._core.arguments import (
    check_id,
    check_json_object,
    check_seconds,
    check_text,
    invalid,
)
from inngest_rest._core.calls.listing import Listing, Paging, read_all
from inngest_rest._core.calls.route import Route
from inngest_rest._core.plans import Call, call, sleep
from inngest_rest._core.resources import apps
from inngest_rest._core.resources.fields import (
    json_object,
    of_data,
    optional,
    page_of,
    record,
    required,
    v2_page,
)
from inngest_rest._core.resources.filters import check_window
from inngest_rest._core.resources.routes import ask, in_order
from inngest_rest._core.resources.wait import FIRST_PAUSE, longer
from inngest_rest._visible import shown
from inngest_rest.errors import NotFoundError, RouteNotFoundError, TransportError
from inngest_rest.models import (
    AccountInfo,
    AppSync,
    Environment,
    EventSchema,
    Experiment,
    InsightsResult,
    InsightsTable,
    Key,
    Run,
    RunStatus,
    SessionGroup,
    Variant,
)
from inngest_rest_api import models as api
from inngest_rest_api.api import v2
from inngest_rest_api.types import UNSET, Unset

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime, timedelta
    from typing import Unpack

    from inngest_rest._core.calls.listing import ListedPage, PageRequest
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest._core.resources.filters import Window
    from inngest_rest.models import App
    from inngest_rest.typing import KeyKind, Seconds

T = TypeVar("T")

# The longest text of which a score may be named, in bytes of UTF-8 (schema V2Score).
_LONGEST_SCORE = 128
_MOST_SCORES = 100


def _listing(
    session: Session,
    name: str,
    module: Any,
    item: Any,
    convert: Callable[[Any], T],
    paging: Paging,
    *path: str,
    window: Window | None = None,
    **query: Any,
) -> Listing[T]:
    """List what a route has, page by page."""
    expected = page_of(getattr(api, f"{item.__name__}ListEnvelope"), item, convert)

    def route(page: PageRequest) -> Route[Any, ListedPage[T]]:
        if window is not None:
            query["from_"], query["until"] = window.at(page.now)
        kwargs = module.get_kwargs(*path, **query, limit=page.size, cursor=page.cursor)
        return Route(module, kwargs, expected, v2_page)

    is_relative = window is not None and window.is_relative
    routes = in_order(name, **{module.OPERATION.name: route})
    return Listing(session, *routes, is_relative=is_relative, **paging)


def _ask(
    session: Session,
    name: str,
    module: Any,
    envelope: Any,
    convert: Callable[[Any], T],
    *path: str,
    repeatable: bool = True,
    **given: Any,
) -> Plan[T]:
    """Ask for one thing, and convert its data."""
    kwargs = module.get_kwargs(*path, **given)
    route = Route(module, kwargs, envelope, of_data(convert), repeatable=repeatable)
    return ask(session, name, route)


def account(session: Session) -> Plan[AccountInfo]:
    """Get the account of the key."""
    convert = partial(record, AccountInfo)
    return _ask(session, "account.get", v2.get_account_v2, api.V2AccountEnvelope, convert)


def list_envs(session: Session, **paging: Unpack[Paging]) -> Listing[Environment]:
    """List environments."""
    return _listing(session, "envs.list", v2.list_envs_v2, api.V2Env, _environment, paging)


def create_env(session: Session, name: str) -> Plan[Environment]:
    """Create an environment."""
    body = api.V2CreateEnvBody(name=check_text("name", name) or "")
    form, module = api.V2EnvEnvelope, v2.create_env_v2
    return _ask(session, "envs.create", module, form, _environment, repeatable=False, body=body)


def archive_env(session: Session, env_id: str, *, archived: bool) -> Plan[Environment]:
    """Archive an environment, or take it back."""
    path = check_id("environment id", env_id, argument="id")
    body = api.V2UpdateEnvBody(is_archived=archived)
    form, module = api.V2EnvEnvelope, v2.update_env_v2
    return _ask(session, "envs.archive", module, form, _environment, path, body=body)


def ensure_env(session: Session, name: str) -> Plan[Environment]:
    """Return the environment of a name: as it is, taken back from the archive, or created."""
    check_text("name", name)
    envs = yield from read_all(list_envs(session))
    found = sorted((it for it in envs if it.name == name), key=lambda it: it.is_archived)
    if not found:
        return (yield from create_env(session, name))
    env = found[0]
    return (yield from archive_env(session, env.id, archived=False)) if env.is_archived else env


def _environment(it: api.V2Env) -> Environment:
    return record(Environment, it, kind=(optional(it.type_) or "production").lower())


def list_keys(
    session: Session, kind: KeyKind, *, reveal: bool, **paging: Unpack[Paging]
) -> Listing[Key]:
    """List keys."""
    modules = {"event": v2.list_event_keys_v2, "signing": v2.list_signing_keys_v2}
    if kind not in modules:
        raise invalid("kind", 'must be "event" or "signing"')

    def key(it: api.V2Key) -> Key:
        text = optional(it.key)
        if text is not None and not reveal:
            # Of a short one, the last characters would be much of it.
            text = f"…{text[-4:]}" if len(text) > 16 else "…"
        return record(Key, it, key=text)

    return _listing(session, "keys.list", modules[kind], api.V2Key, key, paging)


def sync_app(session: Session, app_id: str, url: str, *, wait: Seconds | None) -> Plan[AppSync]:
    """Have the server read an app; where it cannot be told to, have the app register itself."""
    check_id("app", app_id, argument="id")
    seconds = 0.0 if wait is None else check_seconds("wait", wait)
    if not (check_text("url", url) or "").startswith(("http://", "https://")):
        raise invalid("url", "must be the http or https URL at which the app serves its functions")
    module = v2.sync_app_v2
    kwargs = module.get_kwargs(app_id, body=api.V2SyncAppBody(url=url))
    failed = {422: api.V2AppSyncFailure}
    form = api.V2AppSyncResultEnvelope
    route = Route[Any, AppSync](module, kwargs, form, _app_sync, accepted=failed)
    before = (yield from _find_app(session, app_id)) if seconds else None
    try:
        sync = yield from ask(session, "apps.sync", route)
    except RouteNotFoundError:
        return (yield from _register(session, app_id, url))
    deadline, pause = session.clock.monotonic() + seconds, FIRST_PAUSE
    while sync.status == "pending" and session.clock.monotonic() + pause < deadline:
        yield from sleep(pause)
        pause = longer(pause)
        app = yield from _find_app(session, app_id)
        # Until the new sync is there, the app shows the last one.
        if app and app != before and app.sync_status not in (None, "pending"):
            sync = evolve(sync, status=app.sync_status, error=app.sync_error)
    return sync


def _find_app(session: Session, app_id: str) -> Plan[App | None]:
    try:
        return (yield from apps.get(session, app_id))
    except (NotFoundError, RouteNotFoundError):
        return None


def _app_sync(answer: api.V2AppSyncResultEnvelope | api.V2AppSyncFailure) -> AppSync:
    it = optional(answer.data)
    if it is None:
        errors = answer.errors if isinstance(answer, api.V2AppSyncFailure) else UNSET
        messages = [each.message for each in optional(errors) or []]
        return AppSync("error", error="; ".join(messages) or None)
    error = optional(it.error)
    return record(AppSync, it, error=error and (optional(error.message) or optional(error.code)))


def _register(session: Session, app_id: str, url: str) -> Plan[AppSync]:
    """Ask an app itself to register its functions with its server, as every SDK does at a PUT.

    No key goes along: the app has its own.
    """
    timeout = session.settings.timeout

    def build(seconds: float) -> httpx.Request:
        limits = httpx.Timeout(seconds, connect=seconds / 2).as_dict()
        return httpx.Request("PUT", url, extensions={"timeout": limits})

    def read(response: httpx.Response) -> AppSync:
        if response.is_success:
            return AppSync("success", app_id=app_id)
        text = session.quote(response.text)
        reason = f"the app answered its PUT with {response.status_code}: {text}"
        return AppSync("error", app_id=app_id, error=reason)

    largest = session.settings.max_response_bytes
    effect = Call("api", "PUT", url, build, timeout, read, session.redact, largest)
    try:
        return (yield from call(effect))
    except TransportError as error:
        return AppSync("error", app_id=app_id, error=str(error))


def score(
    session: Session,
    run_id: str,
    scores: Mapping[str, float | bool],
    *,
    step: str | None,
    experiment: str | None,
    variant: str | None,
) -> Plan[None]:
    """Score a run, or a step of it."""
    check_id("run id", run_id, argument="id")
    check_text("step", step)
    given = check_json_object("scores", scores)
    if not 1 <= len(given) <= _MOST_SCORES:
        raise invalid("scores", f"must be 1 to {_MOST_SCORES} names with a value each")
    for name, value in given.items():
        if not isinstance(value, bool | int | float):
            raise invalid("scores", f"must be numbers or booleans; that of {shown(name)} is not")
        size = len(name.encode())
        if not 1 <= size <= _LONGEST_SCORE or "'" in name or not name.isprintable():
            allowed = f"1 to {_LONGEST_SCORE} bytes without control characters and apostrophes"
            raise invalid("scores", f"must have names of {allowed}, not {shown(name)}")
    of: api.V2ScoreExperiment | Unset = UNSET
    if experiment is not None or variant is not None:
        if step or not (check_text("experiment", experiment) and check_text("variant", variant)):
            raise invalid("experiment", "and variant are given together, and not for a step")
        of = api.V2ScoreExperiment(id=experiment or "", variant=variant or "")
    body = [
        api.V2Score(name=name, value=value, step_id=step or UNSET, experiment=of)
        for name, value in given.items()
    ]
    module = v2.create_scores_v2
    # A second score of a name takes the place of the first.
    route = Route.without_result(module, module.get_kwargs(run_id, body=body))
    return ask(session, "runs.score", route)


def query_insights(session: Session, sql: str) -> Plan[InsightsResult]:
    """Query events and runs in SQL."""
    body = api.V2InsightsQueryBody(query=check_text("sql", sql) or "")

    def convert(it: api.V2InsightsResult) -> InsightsResult:
        columns = optional(it.columns)
        if columns is None:
            raise ValueError("columns is missing")
        remarks = optional(it.diagnostics) or []
        return InsightsResult(
            tuple(required(each.name, "name") for each in columns),
            tuple(tuple(optional(each.values) or ()) for each in optional(it.rows) or []),
            tuple(f"{optional(each.severity)}: {optional(each.message)}" for each in remarks),
        )

    form, module = api.V2InsightsResultEnvelope, v2.query_insights_v2
    return _ask(session, "insights.query", module, form, convert, body=body)


def insights_tables(session: Session) -> Plan[list[InsightsTable]]:
    """List the tables that queries can name."""

    def table(it: api.V2InsightsTable) -> InsightsTable:
        columns = optional(it.columns) or []
        types = {required(each.name, "name"): optional(each.type_) for each in columns}
        return record(InsightsTable, it, columns=types)

    def convert(data: list[api.V2InsightsTable] | None) -> list[InsightsTable]:
        return [table(it) for it in optional(data) or []]

    form, module = api.V2InsightsTableListEnvelope, v2.list_insights_tables_v2
    return _ask(session, "insights.tables", module, form, convert)


def event_schemas(session: Session, **paging: Unpack[Paging]) -> Listing[EventSchema]:
    """List the schemas of events."""

    def schema(it: api.V2EventSchema) -> EventSchema:
        return record(EventSchema, it, schema=json_object(it.schema))

    module = v2.list_event_schemas_v2
    return _listing(session, "insights.schemas", module, api.V2EventSchema, schema, paging)


def list_experiments(
    session: Session, app: str | None, function: str | None, **paging: Unpack[Paging]
) -> Listing[Experiment]:
    """List experiments."""
    if function is not None and app is None:
        raise invalid("function", "needs its app as well")
    of: Any = {"app_id": UNSET if app is None else check_id("app", app)}
    of["function_id"] = UNSET if function is None else check_id("function", function)

    def experiment(it: api.V2Experiment) -> Experiment:
        variants = tuple(map(Variant, optional(it.variants) or ()))
        return record(Experiment, it, function_id=_function_id(it.function), variants=variants)

    module = v2.list_experiments_v2
    return _listing(session, "experiments.list", module, api.V2Experiment, experiment, paging, **of)


def get_experiment(
    session: Session, app: str, function: str, experiment: str, *, variant: str | None
) -> Plan[Experiment]:
    """Compare the variants of an experiment."""
    of = check_id("app", app), check_id("function", function)
    experiment = check_id("experiment", experiment, argument="id")

    def convert(it: api.V2ExperimentDetail) -> Experiment:
        weights = {each.variant_name: each.weight for each in optional(it.variant_weights) or []}
        variants = tuple(_variant(each, weights) for each in optional(it.variants) or [])
        return record(Experiment, it, function_id=function, variants=variants)

    form, module = api.V2ExperimentEnvelope, v2.get_experiment_v2
    only = check_text("variant", variant) or UNSET
    return _ask(session, "experiments.get", module, form, convert, *of, experiment, variant=only)


def _variant(it: api.V2VariantMetrics, weights: Mapping[Any, Any]) -> Variant:
    name = required(it.variant_name, "variantName")
    metrics = {
        required(each.key, "key"): {
            "avg": optional(each.avg),
            "min": optional(each.min_),
            "max": optional(each.max_),
        }
        for each in optional(it.metrics) or []
    }
    weight = optional(weights.get(name, UNSET))
    return record(Variant, it, name=name, weight=weight, metrics=metrics)


def session_keys(session: Session, search: str | None, **paging: Unpack[Paging]) -> Listing[str]:
    """List the keys by which runs are grouped into sessions."""

    def key(it: api.V2SessionKey) -> str:
        return required(it.id, "id")

    name, module, text = "sessions.keys", v2.list_session_keys_v2, check_text("search", search)
    return _listing(session, name, module, api.V2SessionKey, key, paging, search=text or UNSET)


def list_sessions(
    session: Session, key: str, search: str | None, **paging: Unpack[Paging]
) -> Listing[SessionGroup]:
    """List the sessions of a key."""

    def group(it: api.V2Session) -> SessionGroup:
        functions = map(_function_id, optional(it.functions) or [])
        return record(SessionGroup, it, function_ids=tuple(filter(None, functions)))

    name, module, text = "sessions.list", v2.list_sessions_v2, check_text("search", search)
    of = check_id("session key", key, argument="key")
    return _listing(session, name, module, api.V2Session, group, paging, of, search=text or UNSET)


def session_runs(
    session: Session,
    key: str,
    session_id: str,
    *,
    since: datetime | timedelta | None,
    until: datetime | timedelta | None,
    **paging: Unpack[Paging],
) -> Listing[Run]:
    """List the runs of a session."""

    def run(it: api.V2SessionRun) -> Run:
        status = RunStatus(optional(it.status) or "unknown")
        return record(Run, it, status=status, function_id=_function_id(it.function))

    of = check_id("session key", key, argument="key")
    of_session = check_id("session id", session_id, argument="id")
    window = check_window(since, until, session.server_clocks["api"].now())
    name, module, item = "sessions.runs", v2.list_session_runs_v2, api.V2SessionRun
    return _listing(session, name, module, item, run, paging, of, of_session, window=window)


def _function_id(it: api.V2FunctionRef | Unset) -> str | None:
    return None if isinstance(it, Unset) else optional(it.id)
