"""What only Inngest Cloud has: the account and its resources, sessions, bulk cancellations.

Most are models of the generated client.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

from attrs import evolve

from inngest_rest import models
from inngest_rest._core.calls.route import Route
from inngest_rest._core.resources.fields import optional, record, required
from inngest_rest._core.resources.names import Names
from inngest_rest._core.resources.routes import ask_first
from inngest_rest._local.arguments import check_each, check_text, invalid
from inngest_rest.errors import Advice, NextCall, RouteNotFoundError
from inngest_rest_api import models as api
from inngest_rest_api.api import v1, v2
from inngest_rest_api.types import Unset

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from inngest_rest._core.calls.route import AdviceByError
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan


class _Model(Protocol):
    FIELDS: ClassVar[Mapping[str, str]]
    REQUIRED: ClassVar[frozenset[str]]


M = TypeVar("M", bound=_Model)


def as_documented(model: M) -> M:
    """Return a model; raise ValueError if it is not as the document has it."""
    if not list(_checked_values(model)):
        raise ValueError("it has no field that is documented")
    return model


def _checked_values(model: _Model) -> Iterator[Any]:
    """Yield the values that a model has, and those of the models in it."""
    for key, name in model.FIELDS.items():
        value: Any = optional(getattr(model, name))
        if value is None and key in model.REQUIRED:
            raise ValueError(f"{key} is missing")
        if value is not None:
            yield value
        items: list[Any] = value if isinstance(value, list) else [value]  # pyright: ignore[reportUnknownVariableType]
        for item in items:
            if hasattr(item, "FIELDS"):
                yield from _checked_values(item)


account: Callable[[api.V2Account], api.V2Account] = as_documented
environment: Callable[[api.V2Env], api.V2Env] = as_documented
key: Callable[[api.V2Key], api.V2Key] = as_documented
query_result: Callable[[api.V2InsightsResult], api.V2InsightsResult] = as_documented
event_schema: Callable[[api.V2EventSchema], api.V2EventSchema] = as_documented
experiment: Callable[[api.V2Experiment], api.V2Experiment] = as_documented
compared_experiment: Callable[[api.V2ExperimentDetail], api.V2ExperimentDetail] = (
    as_documented
)


def tables(
    models: list[api.V2InsightsTable] | Unset | None,
) -> list[api.V2InsightsTable]:
    return [as_documented(model) for model in optional(models) or ()]


def masked_key(key: api.V2Key) -> api.V2Key:
    text = as_documented(key).key
    # Four characters of a short key reveal too much.
    end = text[-4:] if len(text) > 16 else ""
    return evolve(key, key=f"…{end}")


def webhook(model: api.V1Webhook | api.V2Webhook) -> api.V2Webhook:
    """Return a webhook as v2 has it, which has every field of v1."""
    as_documented(model)
    if isinstance(model, api.V2Webhook):
        return model
    fields = {name: getattr(model, name) for name in model.FIELDS.values()}
    return api.V2Webhook(**fields)


def of_one_function(app: str | None, function: str | None) -> dict[str, Any]:
    """Return the arguments of a request about one app or function; reject patterns."""
    names = Names.of(app, function)
    exact_app, exact_function = names.exact
    if names != Names(exact_app, exact_function):
        argument = "function" if exact_app else "app"
        raise invalid(argument, "must be an id, not a pattern")
    return {"app_id": exact_app, "function_id": exact_function}


def create_webhook(
    session: Session,
    name: str | None,
    transform: str | None,
    response: str | None,
    events: Iterable[str],
    deny_events: bool,
) -> Plan[api.V2Webhook]:
    body = {
        "name": check_text("name", name),
        "transform": check_text("transform", transform),
    }
    checked_events = check_each("events", events, "names of events", check_text)
    names = [name for name in checked_events if name]
    body_of_v2 = {
        **body,
        "response": check_text("response", response),
        "event_filter": _event_filter(names, denies=deny_events),
    }
    routes = list[Route[Any, api.V2Webhook]]()
    # v1 would ignore the fields that it does not have.
    needs_v2 = response or names or session.settings.api_version == "v2"
    if not needs_v2:
        by_v1 = Route.of(v1.create_webhook_v1, webhook, body=body, repeatable=False)
        routes.append(by_v1)
    if name and transform:
        by_v2 = Route.of(
            v2.create_webhook_v2, webhook, body=body_of_v2, repeatable=False
        )
        routes.append(by_v2)
    if not routes:
        raise invalid(
            "transform", "and name are required by v2, which alone has events"
        )
    return ask_first(session, "webhooks.create", *routes)


def _event_filter(names: list[str], *, denies: bool) -> api.V2EventFilter | None:
    if not names:
        return None
    effect = "DENY" if denies else "ALLOW"
    return api.V2EventFilter(events=names, filter_=effect)


def session_key(raw: api.V2SessionKey) -> str:
    return required(raw.id, "id")


def session_group(raw: api.V2Session) -> models.SessionGroup:
    functions = optional(raw.functions) or []
    known = filter(None, map(_function_id, functions))
    return record(models.SessionGroup, raw, function_ids=tuple(known))


def session_run(raw: api.V2SessionRun) -> models.Run:
    status = models.RunStatus(optional(raw.status) or "unknown")
    function_id = _function_id(raw.function)
    return record(models.Run, raw, status=status, function_id=function_id)


def _function_id(raw: api.V2FunctionRef | Unset) -> str | None:
    if isinstance(raw, Unset):
        return None
    return optional(raw.id)


# It responds to them with 500 and an empty body (recording v1-cancellations).
NO_CANCELLATIONS: AdviceByError = {
    RouteNotFoundError: Advice(
        "A self-hosted server has no bulk cancellations: cancel runs by a filter, with {}.",
        (NextCall("runs.cancel_all"),),
    )
}
"""The alternative if the server has no bulk cancellations."""


def cancellation(raw: api.V1Cancellation) -> models.Cancellation:
    return record(models.Cancellation, raw, condition=optional(raw.if_))
