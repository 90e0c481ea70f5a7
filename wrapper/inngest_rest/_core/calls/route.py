"""Routes: generated operations with their arguments, and a record of those a server lacks."""

from __future__ import annotations

from typing import (
    TYPE_CHECKING,
    Any,
    Generic,
    NamedTuple,
    ParamSpec,
    Protocol,
    TypedDict,
    TypeVar,
    Unpack,
    cast,
)

from attrs import field, frozen

from inngest_rest._values.logs import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import httpx

    from inngest_rest._core.plans import Host
    from inngest_rest.errors import Advice, InngestError
    from inngest_rest_api.api import Operation

    AdviceByError = Mapping[type[InngestError], Advice]

A = TypeVar("A")
R = TypeVar("R")
T = TypeVar("T")
P = ParamSpec("P")
T_co = TypeVar("T_co", covariant=True)

_NOTHING: Mapping[Any, Any] = {}

# Long enough to avoid repeated requests, short enough to recover from a proxy's transient 404.
_ABSENT_FOR = 300.0


class GeneratedOperation(Protocol[P, T_co]):
    """The module of an operation."""

    @property
    def OPERATION(self) -> Operation: ...  # noqa: N802 - the name is generated

    def get_kwargs(self, *args: P.args, **kwargs: P.kwargs) -> dict[str, Any]: ...

    def parse_response(self, response: httpx.Response, *, strict: bool) -> T_co: ...


class About(NamedTuple):
    """The requested ULID, and the field of the response that must have it."""

    id: str
    field: str


def no_result(_: object) -> None:
    """Convert to no result."""


class RouteOptions(TypedDict, total=False):
    """The properties of an operation; the fields of `Route` explain them."""

    repeatable: bool
    deletes: bool
    may_panic: bool
    is_slow: bool
    needs_key: bool
    accepted: Mapping[int, type[Any]]
    about: About | None
    advice: AdviceByError


class WholeResponse:
    """The form of a route that converts the response itself, instead of a model.

    In the place of httpx's class, which takes longer to import than all tables of calls.
    """


@frozen
class Route(Generic[A, T]):
    """One operation with its arguments, and how to read its response."""

    operation: Operation
    # The result of its module's `get_kwargs`.
    kwargs: Mapping[str, Any] = field(repr=False)
    # The generated models of a successful response, in each form that servers send. None of them if
    # the result needs no body: any body will do. `WholeResponse` for the response itself.
    forms: tuple[type[A], ...]
    # Any exception that it raises makes the response invalid.
    convert: Callable[[A], T]
    # Twice has the same effect as once.
    repeatable: bool = field(default=True, kw_only=True)
    # After a success, another attempt does not find the resource.
    deletes: bool = field(default=False, kw_only=True)
    # Servers that lack the operation always respond with an empty 500: do not retry it.
    may_panic: bool = field(default=False, kw_only=True)
    # A server may need longer than the timeout, on each attempt.
    is_slow: bool = field(default=False, kw_only=True)
    # False if some servers respond without a key.
    needs_key: bool = field(default=True, kw_only=True)
    # The models of statuses beyond 2xx.
    accepted: Mapping[int, type[A]] = field(default=_NOTHING, kw_only=True)
    # A proxy may mix up responses.
    about: About | None = field(default=None, kw_only=True)
    # Advice that replaces the general one of an error.
    advice: AdviceByError = field(default=_NOTHING, kw_only=True)

    @staticmethod
    def of(
        module: Any,
        convert: Callable[[Any], R],
        *path: str,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        expected: Any = None,
        **options: Unpack[RouteOptions],
    ) -> Route[Any, R]:
        """Return a route that sends arguments to an operation and converts the data it returns.

        Args:
            module: The operation's generated module.
            convert: Return the result for the data; with `no_result`, any successful response will
                do, and the result is None.
            *path: The ids in the path.
            query: The query parameters, by their names in the module.
            body: The body, or the fields of its model.
            expected: The model of a successful response, if not those of the module.
            **options: The properties of the operation.
        """
        arguments = dict(query or {})
        if isinstance(body, dict):
            arguments["body"] = _body(module, cast("dict[str, Any]", body))
        elif body is not None:
            arguments["body"] = body
        forms = () if convert is no_result else tuple(module.result_types())
        if expected is not None:
            forms = (expected,)

        def convert_data(answer: Any) -> R:  # some responses have no envelope
            return convert(getattr(answer, "data", answer))

        return Route(
            operation=module.OPERATION,
            kwargs=module.get_kwargs(*path, **arguments),
            forms=forms,
            convert=convert_data,
            **options,
        )

    @property
    def host(self) -> Host:
        return "event" if self.operation.tag == "ingest" else "api"

    @property
    def path(self) -> str:
        """The path with its arguments, except for the event key."""
        path: str = self.kwargs["url"]
        return path


def _body(module: Any, fields: dict[str, Any]) -> Any:
    """Return the model of an operation's body, without optional fields that are None."""
    model = getattr(module, module.get_kwargs.__annotations__["body"])
    given = {
        name: value
        for name, value in fields.items()
        if value is not None or name in model.REQUIRED
    }
    return model(**given)


class AbsentRoutes:
    """The operations that a server was recently found to lack."""

    def __init__(self) -> None:
        self.has_queries = False  # it was found to filter runs by an expression
        self.filters_by_paused: bool | None = None  # runs; None before it was asked
        # The names of app and function, by the UUID that v1 has for the function.
        self.functions: dict[str, tuple[str | None, str | None]] = {}
        self._until: dict[str, float] = {}

    def add(self, operation: Operation, now: float) -> None:
        """Record that an operation is absent; log it the first time."""
        if operation.name not in self._until:
            logger.info(
                "the server does not have %s %s", operation.method, operation.path
            )
        self._until[operation.name] = now + _ABSENT_FOR

    def has(self, operation: Operation, now: float) -> bool:
        """Return whether an operation was absent within the last minutes."""
        return now < self._until.get(operation.name, now)
