"""What v2 alone has, besides runs, apps and functions, mostly on Inngest Cloud."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeVar

import httpx
from attrs import evolve

from inngest_rest._core.arguments import check_id, check_json_object, check_text, invalid
from inngest_rest._core.calls.listing import EVERYTHING, Listing, Paging, read_all
from inngest_rest._core.calls.route import Route
from inngest_rest._core.plans import Call, call
from inngest_rest._core.resources.fields import (
    of_data,
    optional,
    page_of,
    record,
    required,
    v2_page,
)
from inngest_rest._core.resources.filters import check_window
from inngest_rest._core.resources.routes import ask, in_order, where_absent
from inngest_rest.errors import RouteNotFoundError, TransportError
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
    from inngest_rest.typing import KeyKind

T = TypeVar("T")

_CLOUD_ONLY = where_absent("No self-hosted server has this: it exists in Inngest Cloud alone.")

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
    **query: Any,
) -> Listing[T]:
    """List what a route of v2 has, page by page."""
    envelope = getattr(api, f"{item.__name__}ListEnvelope")

    def route(page: PageRequest) -> Route[Any, ListedPage[T]]:
        kwargs = module.get_kwargs(*path, **query, limit=page.size, cursor=page.cursor)
        return Route(module, kwargs, page_of(envelope, item, convert), v2_page, advice=_CLOUD_ONLY)

    return Listing(session, *in_order(name, **{module.OPERATION.name: route}), **paging)


def account(session: Session) -> Plan[AccountInfo]:
    """Get the account of the key."""
    module = v2.get_account_v2
    convert = of_data(lambda it: record(AccountInfo, it))
    return ask(
        session, "account.get", Route(module, module.get_kwargs(), api.V2AccountEnvelope, convert)
    )


def _function_id(it: api.V2FunctionRef | Unset) -> str | None:
    return None if isinstance(it, Unset) else optional(it.id)


def list_envs(session: Session, **paging: Unpack[Paging]) -> Listing[Environment]:
    """List environments."""
    return _listing(session, "envs.list", v2.list_envs_v2, api.V2Env, _environment, paging)


def create_env(session: Session, name: str) -> Plan[Environment]:
    """Create an environment."""
    module = v2.create_env_v2
    kwargs = module.get_kwargs(body=api.V2CreateEnvBody(name=check_text("name", name) or ""))
    route = Route(
        module,
        kwargs,
        api.V2EnvEnvelope,
        of_data(_environment),
        repeatable=False,
        advice=_CLOUD_ONLY,
    )
    return ask(session, "envs.create", route)


def archive_env(session: Session, env_id: str, *, archived: bool) -> Plan[Environment]:
    """Archive an environment, or take it back."""
    module = v2.update_env_v2
    body = api.V2UpdateEnvBody(is_archived=archived)
    kwargs = module.get_kwargs(check_id("environment id", env_id, argument="id"), body=body)
    route = Route(module, kwargs, api.V2EnvEnvelope, of_data(_environment), advice=_CLOUD_ONLY)
    return ask(session, "envs.archive", route)


def ensure_env(session: Session, name: str) -> Plan[Environment]:
    """Return the environment of a name: as it is, taken back from the archive, or created."""
    check_text("name", name)
    found = [
        it for it in (yield from read_all(list_envs(session, **EVERYTHING))) if it.name == name
    ]
    if not found:
        return (yield from create_env(session, name))
    env = min(found, key=lambda it: it.is_archived)
    return (yield from archive_env(session, env.id, archived=False)) if env.is_archived else env


def _environment(it: api.V2Env) -> Environment:
    kind = (optional(it.type_) or "production").lower()
    return evolve(record(Environment, it), kind=kind)


def list_keys(
    session: Session,
    kind: KeyKind,
    *,
    reveal: bool,
    **paging: Unpack[Paging],
) -> Listing[Key]:
    """List keys."""
    modules = {"event": v2.list_event_keys_v2, "signing": v2.list_signing_keys_v2}
    if kind not in modules:
        raise invalid("kind", 'must be "event" or "signing"')
    module = modules[kind]

    def key(it: api.V2Key) -> Key:
        text = optional(it.key)
        if text is not None and not reveal:
            # Of a short one, the last characters would be much of it.
            text = f"…{text[-4:]}" if len(text) > 16 else "…"
        return record(Key, it, key=text)

    return _listing(session, "keys.list", module, api.V2Key, key, paging)


def sync_app(session: Session, app_id: str, url: str) -> Plan[AppSync]:
    """Have the server read an app; where it cannot be told to, have the app register itself."""
    check_id("app", app_id, argument="id")
    if not (check_text("url", url) or "").startswith(("http://", "https://")):
        raise invalid("url", "must be the http or https URL at which the app serves its functions")
    module = v2.sync_app_v2
    kwargs = module.get_kwargs(app_id, body=api.V2SyncAppBody(url=url))
    route = Route[Any, AppSync](
        module,
        kwargs,
        api.V2AppSyncResultEnvelope,
        _app_sync,
        accepted={422: api.V2AppSyncFailure},
    )
    try:
        return (yield from ask(session, "apps.sync", route))
    except RouteNotFoundError:
        return (yield from _register(session, app_id, url))


def _app_sync(answer: api.V2AppSyncResultEnvelope | api.V2AppSyncFailure) -> AppSync:
    it = optional(answer.data)
    if it is None:
        errors = answer.errors if isinstance(answer, api.V2AppSyncFailure) else UNSET
        messages = [each.message for each in optional(errors) or []]
        return AppSync("error", error="; ".join(messages) or None)
    error = optional(it.error)
    reason = error and (optional(error.message) or optional(error.code))
    return record(AppSync, it, status=optional(it.status) or "pending", error=reason)


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
    given = check_json_object("scores", scores)
    if not 1 <= len(given) <= _MOST_SCORES:
        raise invalid("scores", f"must be 1 to {_MOST_SCORES} names with a value each")
    for name, value in given.items():
        if not isinstance(value, bool | int | float) or not math.isfinite(value):
            raise invalid("scores", f"must be numbers or booleans; that of {name!r} is not")
        too_long = len(name.encode()) > _LONGEST_SCORE
        if not name or too_long or "'" in name or not name.isprintable():
            raise invalid(
                "scores",
                f"must have names of 1 to {_LONGEST_SCORE} bytes without control characters and "
                f"apostrophes, not {name[:_LONGEST_SCORE]!r}",
            )
    if (experiment is None) is not (variant is None) or (experiment and step):
        raise invalid("experiment", "and variant are given together, and not for a step")
    of = (
        api.V2ScoreExperiment(id=experiment, variant=variant)
        if check_text("experiment", experiment) and experiment and variant
        else UNSET
    )
    body = [
        api.V2Score(
            name=name, value=value, step_id=check_text("step", step) or UNSET, experiment=of
        )
        for name, value in given.items()
    ]
    module = v2.create_scores_v2
    # A second score of a name takes the place of the first.
    route = Route.without_result(module, module.get_kwargs(run_id, body=body))
    return ask(session, "runs.score", route)


def query_insights(session: Session, sql: str) -> Plan[InsightsResult]:
    """Query events and runs in SQL."""
    module = v2.query_insights_v2
    body = api.V2InsightsQueryBody(query=check_text("sql", sql) or "")

    def convert(it: api.V2InsightsResult) -> InsightsResult:
        remarks = optional(it.diagnostics) or []
        return InsightsResult(
            tuple(column.name for column in optional(it.columns) or []),
            tuple(tuple(optional(row.values) or ()) for row in optional(it.rows) or []),
            tuple(f"{optional(each.severity)}: {optional(each.message)}" for each in remarks),
        )

    kwargs = module.get_kwargs(body=body)
    route = Route(
        module, kwargs, api.V2InsightsResultEnvelope, of_data(convert), advice=_CLOUD_ONLY
    )
    return ask(session, "insights.query", route)


def insights_tables(session: Session) -> Plan[list[InsightsTable]]:
    """List the tables that queries can name."""
    module = v2.list_insights_tables_v2

    def convert(answer: Any) -> list[InsightsTable]:
        return [
            record(
                InsightsTable,
                it,
                columns={each.name: optional(each.type_) for each in optional(it.columns) or []},
            )
            for it in optional(answer.data) or []
        ]

    form = api.V2InsightsTableListEnvelope
    route = Route(module, module.get_kwargs(), form, convert, advice=_CLOUD_ONLY)
    return ask(session, "insights.tables", route)


def event_schemas(session: Session, **paging: Unpack[Paging]) -> Listing[EventSchema]:
    """List the schemas of events."""

    def schema(it: api.V2EventSchema) -> EventSchema:
        known = optional(it.schema)
        return EventSchema(it.name, None if known is None else known.to_dict())

    module = v2.list_event_schemas_v2
    return _listing(session, "insights.schemas", module, api.V2EventSchema, schema, paging)


def list_experiments(
    session: Session, app: str | None, function: str | None, **paging: Unpack[Paging]
) -> Listing[Experiment]:
    """List experiments."""
    if function is not None and app is None:
        raise invalid("function", "needs its app as well")
    query = {
        "app_id": UNSET if app is None else check_id("app", app),
        "function_id": UNSET if function is None else check_id("function", function),
    }
    module = v2.list_experiments_v2
    return _listing(
        session, "experiments.list", module, api.V2Experiment, _experiment, paging, **query
    )


def _experiment(it: api.V2Experiment) -> Experiment:
    return record(
        Experiment,
        it,
        function_id=_function_id(it.function),
        variants=tuple(map(Variant, optional(it.variants) or ())),
    )


def get_experiment(
    session: Session, app: str, function: str, experiment: str, *, variant: str | None
) -> Plan[Experiment]:
    """Compare the variants of an experiment."""
    module = v2.get_experiment_v2
    kwargs = module.get_kwargs(
        check_id("app", app),
        check_id("function", function),
        check_id("experiment", experiment, argument="id"),
        variant=check_text("variant", variant) or UNSET,
    )

    def convert(it: api.V2ExperimentDetail) -> Experiment:
        weights = {each.variant_name: each.weight for each in optional(it.variant_weights) or []}
        variants = [_variant(each, weights) for each in optional(it.variants) or []]
        return record(Experiment, it, function_id=function, variants=tuple(variants))

    form = api.V2ExperimentEnvelope
    route = Route(module, kwargs, form, of_data(convert), advice=_CLOUD_ONLY)
    return ask(session, "experiments.get", route)


def _variant(it: api.V2VariantMetrics, weights: Mapping[Any, Any]) -> Variant:
    metrics = {
        each.key: {
            "avg": optional(each.avg),
            "min": optional(each.min_),
            "max": optional(each.max_),
        }
        for each in optional(it.metrics) or []
    }
    return Variant(
        required(it.variant_name, "variantName"),
        optional(it.run_count) or 0,
        optional(weights.get(it.variant_name, UNSET)),
        metrics,
    )


def session_keys(session: Session, search: str | None, **paging: Unpack[Paging]) -> Listing[str]:
    """List the keys by which runs are grouped into sessions."""
    module = v2.list_session_keys_v2
    return _listing(
        session,
        "sessions.keys",
        module,
        api.V2SessionKey,
        lambda it: str(it.id),
        paging,
        search=check_text("search", search) or UNSET,
    )


def list_sessions(
    session: Session, key: str, search: str | None, **paging: Unpack[Paging]
) -> Listing[SessionGroup]:
    """List the sessions of a key."""

    def group(it: api.V2Session) -> SessionGroup:
        functions = map(_function_id, optional(it.functions) or [])
        return record(
            SessionGroup,
            it,
            function_ids=tuple(filter(None, functions)),
        )

    return _listing(
        session,
        "sessions.list",
        v2.list_sessions_v2,
        api.V2Session,
        group,
        paging,
        check_id("session key", key, argument="key"),
        search=check_text("search", search) or UNSET,
    )


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
    module = v2.list_session_runs_v2
    window = check_window(since, until, session.server_clocks["api"].now())
    path = check_id("session key", key, argument="key"), check_id("session id", session_id)

    def route(page: PageRequest) -> Route[Any, ListedPage[Run]]:
        begin, end = window.at(page.now)
        kwargs = module.get_kwargs(
            *path, from_=begin, until=end, limit=page.size, cursor=page.cursor
        )
        expected = page_of(api.V2SessionRunListEnvelope, api.V2SessionRun, _run_of_session)
        return Route(module, kwargs, expected, v2_page, advice=_CLOUD_ONLY)

    routes = in_order("sessions.runs", list_session_runs_v2=route)
    return Listing(session, *routes, is_relative=window.is_relative, **paging)


def _run_of_session(it: api.V2SessionRun) -> Run:
    status = RunStatus(str(required(it.status, "status")))
    return record(Run, it, status=status, function_id=_function_id(it.function))
