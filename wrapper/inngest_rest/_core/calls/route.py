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

from inngest_rest._core.logs import logger

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

V2_ROOT = "/v2"
# Before release 1.26, servers have v2 only there; later ones have it there, too (document, info).
V2_ROOT_BEFORE_1_26 = "/api/v2"

# Long enough to avoid repeated requests, short enough to recover from a proxy's transient 404.
_ABSENT_FOR = 300.0


class GeneratedOperation(Protocol[P, T_co]):
    """The module of an operation."""

    @property
    def OPERATION(self) -> Operation: ...  # noqa: N802 - as it is generated

    def get_kwargs(self, *args: P.args, **kwargs: P.kwargs) -> dict[str, Any]: ...

    def parse_response(self, response: httpx.Response, *, strict: bool) -> T_co: ...


class About(NamedTuple):
    """What the data of a response must be about: the ULID that was asked for, and its field."""

    id: str
    field: str


def nothing(_: object) -> None:
    """Convert to no result."""


class RouteOptions(TypedDict, total=False):
    """What is known of an operation beside what is sent; the fields of a `Route` explain each."""

    repeatable: bool
    deletes: bool
    may_panic: bool
    is_slow: bool
    needs_key: bool
    accepted: Mapping[int, type[Any]]
    about: About | None
    advice: AdviceByError


@frozen
class Route(Generic[A, T]):
    """One operation with its arguments, and how to read its response."""

    operation: Operation
    kwargs: Mapping[str, Any] = field(
        repr=False
    )  # the result of its module's `get_kwargs`
    # The generated models of a successful response, in each form that servers send; none if it has
    # nothing that the result needs: any body will do; `Response` for the response itself.
    forms: tuple[type[A], ...]
    convert: Callable[[A], T]  # whatever it raises makes the response invalid
    repeatable: bool = field(
        default=True, kw_only=True
    )  # twice has the same effect as once
    deletes: bool = field(
        default=False, kw_only=True
    )  # a second attempt does not find it
    # Servers that lack the operation respond with an empty 500, each time: not worth another.
    may_panic: bool = field(default=False, kw_only=True)
    # A server may be busy with it for longer than the timeout, each time.
    is_slow: bool = field(default=False, kw_only=True)
    # Some servers respond without a key, so that a client without one may ask.
    needs_key: bool = field(default=True, kw_only=True)
    # It requests a page of a listing, whose size may be another.
    is_page: bool = field(default=False, kw_only=True)
    accepted: Mapping[int, type[A]] = field(
        default=_NOTHING, kw_only=True
    )  # statuses beyond 2xx
    about: About | None = field(
        default=None, kw_only=True
    )  # a proxy may mix responses up
    advice: AdviceByError = field(
        default=_NOTHING, kw_only=True
    )  # where it needs other advice

    @staticmethod
    def of(
        module: Any,
        convert: Callable[[Any], R],
        *path: str,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        expected: Any = None,
        is_page: bool = False,
        **options: Unpack[RouteOptions],
    ) -> Route[Any, R]:
        """Return the route by an operation to what its data is converted to.

        Sent are the ids in the path, the parameters of the query by the names that the operation's
        module gives them, and the body, which may be the fields of its model. The result of
        `nothing` is None, whatever a successful response contains.
        """
        arguments = dict(query or {})
        if isinstance(body, dict):
            arguments["body"] = _body(module, cast("dict[str, Any]", body))
        elif body is not None:
            arguments["body"] = body
        forms = () if convert is nothing else tuple(module.result_types())
        if expected is not None:
            forms = (expected,)

        def convert_data(answer: Any) -> R:  # some responses have no envelope
            return convert(getattr(answer, "data", answer))

        kwargs = module.get_kwargs(*path, **arguments)
        return Route(
            module.OPERATION, kwargs, forms, convert_data, is_page=is_page, **options
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
    """The operations that a server was recently found to lack, and where it has v2."""

    def __init__(self) -> None:
        self.v2_root = V2_ROOT
        self.has_queries = False  # it was found to filter runs by an expression
        # The names of its functions, with that of the app, by the UUIDs that v1 has for them.
        self.functions: dict[str, tuple[str | None, str | None]] = {}
        self._until: dict[str, float] = {}

    def add(self, operation: Operation, now: float) -> None:
        """Note that an operation is absent; it is logged the first time."""
        if operation.name not in self._until:
            logger.info(
                "the server does not have %s %s", operation.method, operation.path
            )
        self._until[operation.name] = now + _ABSENT_FOR

    def has(self, operation: Operation, now: float) -> bool:
        """Return whether an operation was absent within the last minutes."""
        return now < self._until.get(operation.name, now)
