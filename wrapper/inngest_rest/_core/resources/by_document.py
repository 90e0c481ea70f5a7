"""Calls that the document alone describes: one request each, its arguments read from there.

`ARGUMENTS` of an operation's module says what each argument may be, and where it goes. The methods
in `aio/generated`, which are written from the same document, have the same names and types.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar, cast

from attrs import evolve, frozen

from inngest_rest._core.calls.alternatives import first_present
from inngest_rest._core.calls.listing import Listing
from inngest_rest._core.calls.route import Route, no_result
from inngest_rest._core.resources.fields import optional
from inngest_rest._core.resources.routes import page_routes
from inngest_rest._core.resources.windows import check_instant
from inngest_rest._local.arguments import (
    check_choice,
    check_each,
    check_id,
    check_json,
    check_json_object,
    check_text,
    invalid,
)
from inngest_rest._values.visible import did_you_mean, shown
from inngest_rest.errors import (
    Advice,
    InvalidArgumentError,
    NextCall,
    RouteNotFoundError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from inngest_rest._core.calls.route import RouteOptions
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest.typing import Paging
    from inngest_rest_api.api import Argument, Operation


class _Model(Protocol):
    FIELDS: ClassVar[Mapping[str, str]]
    REQUIRED: ClassVar[frozenset[str]]


M = TypeVar("M", bound=_Model)


def ask(session: Session, module: Any, given: Mapping[str, Any]) -> Plan[Any]:
    """Perform an operation with arguments by name; return the model of its data, or a list."""
    operation: Operation = module.OPERATION
    request = _Request.of(session, module, given)
    route = Route.of(
        module,
        _CONVERSIONS[operation.result],
        *request.path,
        query=request.query,
        body=request.body,
        **_options(operation),
    )
    return first_present(session, route)


def pages(
    session: Session,
    module: Any,
    paging: Paging,
    given: Mapping[str, Any],
    *,
    masked: str = "",
) -> Listing[Any]:
    """List the items of an operation with arguments by name, as models.

    Args:
        session: The session of the client.
        module: The operation's generated module.
        paging: Which of its pages.
        given: The other arguments.
        masked: The field of an item of which all but the end is hidden.
    """

    def convert(item: Any) -> Any:
        model = as_documented(item)
        return _masked(model, masked) if masked else model

    request = _Request.of(session, module, given)
    routes = page_routes(
        module,
        convert,
        *request.path,
        query=request.query,
        **_options(module.OPERATION),
    )
    return Listing(session=session, routes=[*routes.values()], **paging)


def _options(operation: Operation) -> RouteOptions:
    options: RouteOptions = {
        "repeatable": operation.is_repeatable,
        "deletes": operation.method == "DELETE",
        "may_panic": operation.may_panic,
    }
    if operation.instead is not None:
        calls = tuple(map(NextCall, re.findall(r"{([\w.]+)}", operation.instead)))
        words = re.sub(r"{[\w.]+}", "{}", operation.instead)
        options["advice"] = {RouteNotFoundError: Advice(words, calls)}
    return options


@frozen
class _Request:
    """The arguments of a request, in their places."""

    path: list[str]
    query: dict[str, Any]
    body: Any

    @staticmethod
    def of(session: Session, module: Any, given: Mapping[str, Any]) -> _Request:
        """Check arguments by the document, and put each in its place."""
        path: list[str] = []
        query: dict[str, Any] = {}
        body: Any = {}
        for argument, value in _checked(session, module.ARGUMENTS, given):
            match argument.place:
                case "path":
                    path.append(value)
                case "query":
                    (name,) = argument.keys
                    query[name] = value
                case "body":
                    body = _with(body, argument.keys, value)
        if not body and not _needs_body(module):
            body = None
        elif isinstance(body, list):
            body = [_Json(each) for each in cast("list[object]", body)]
        else:
            body = _Json(body)
        return _Request(path=path, query=query, body=body)


class _Json:
    """A value of JSON, in the place of the model of a body."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def to_dict(self) -> Any:
        return self._value


def _needs_body(module: Any) -> bool:
    get_kwargs = module.get_kwargs
    has_default = "body" in (get_kwargs.__kwdefaults__ or ())
    return "body" in get_kwargs.__annotations__ and not has_default


def _with(body: Any, keys: tuple[str, ...], value: Any) -> Any:
    """Return a body with a value where the keys lead; without keys, it is the whole body."""
    if not keys:
        return value
    first, *rest = keys
    return {**body, first: _with(body.get(first, {}), tuple(rest), value)}


def _checked(
    session: Session, arguments: tuple[Argument, ...], given: Mapping[str, Any]
) -> Iterator[tuple[Argument, Any]]:
    """Yield each argument that is given with its value; raise if one may not be as it is."""
    known = [argument.name for argument in arguments]
    for name in given:
        if name not in known:
            raise InvalidArgumentError(
                f"unknown argument {shown(name)}{did_you_mean(name, known)}",
                argument=name,
            )
    now = session.server_clocks["api"].now()
    for argument in arguments:
        value = given.get(argument.name)
        if value is None and argument.is_required:
            raise invalid(argument.name, "must be given")
        if value is None:
            continue
        check = _CHECKS[argument.kind]
        yield argument, check(argument, value, now)


def _id(argument: Argument, value: Any, _: datetime) -> str:
    return check_id(argument.name, value)


def _text(argument: Argument, value: Any, _: datetime) -> str:
    return _checked_text(argument, argument.name, value)


def _texts(argument: Argument, value: Any, _: datetime) -> list[str]:
    def check(name: str, text: str) -> str:
        return _checked_text(argument, name, text)

    return check_each(argument.name, value, "texts", check)


def _checked_text(argument: Argument, name: str, value: str) -> str:
    text = check_text(name, value)
    if argument.choices:
        check_choice(name, text, argument.choices)
    if argument.longest is not None and len(text) > argument.longest:
        raise invalid(name, f"must have at most {argument.longest} characters")
    if argument.pattern is not None and not re.search(argument.pattern, text):
        raise invalid(name, f"is malformed: {shown(text)} must be {argument.pattern}")
    return text


def _time(argument: Argument, value: Any, now: datetime) -> Any:
    time = check_instant(argument.name, value, now)
    assert time is not None, "a value was given"
    return time.isoformat() if argument.place == "body" else time


def _number(argument: Argument, value: Any, _: datetime) -> float:
    kinds = int if argument.kind == "integer" else int | float
    if not isinstance(value, kinds) or isinstance(value, bool):
        wanted = "an integer" if argument.kind == "integer" else "a number"
        raise invalid(argument.name, f"must be {wanted}, got {shown(value)}")
    if argument.least is not None and value < argument.least:
        raise invalid(argument.name, f"must be at least {argument.least}")
    if argument.most is not None and value > argument.most:
        raise invalid(argument.name, f"must be at most {argument.most}")
    return value


def _flag(argument: Argument, value: Any, _: datetime) -> bool:
    if not isinstance(value, bool):
        raise invalid(argument.name, f"must be True or False, not {shown(value)}")
    return value


def _object(argument: Argument, value: Any, _: datetime) -> dict[str, Any]:
    return check_json_object(argument.name, value)


def _json(argument: Argument, value: Any, _: datetime) -> Any:
    return check_json(argument.name, value)


_CHECKS: dict[str, Callable[[Argument, Any, datetime], Any]] = {
    "id": _id,
    "text": _text,
    "texts": _texts,
    "time": _time,
    "integer": _number,
    "number": _number,
    "flag": _flag,
    "object": _object,
    "json": _json,
}


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


def _masked(item: Any, field: str) -> Any:
    """Return a model of which a text shows its end alone."""
    text = getattr(item, field)
    # Four characters of a short key reveal too much.
    end = text[-4:] if len(text) > 16 else ""
    return evolve(item, **{field: f"…{end}"})


def _all_as_documented(models: Any) -> list[Any]:
    return [as_documented(model) for model in optional(models) or ()]


_CONVERSIONS: dict[str, Callable[[Any], Any]] = {
    "none": no_result,
    "one": as_documented,
    "list": _all_as_documented,
}
