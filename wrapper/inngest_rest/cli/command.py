"""Commands: each operation as a function whose signature cyclopts reads."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

import attrs
from cyclopts import Group, Parameter

from inngest_rest.cli.execution import Extras, execute
from inngest_rest.operations.parameters import is_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inngest_rest.cli.options import Options
    from inngest_rest.operations.operation import Operation

Job = Callable[["Options"], int]
"""What a command line asks for: it takes the options, and returns the exit status."""

_KEYWORD = inspect.Parameter.KEYWORD_ONLY
_POSITIONAL = inspect.Parameter.POSITIONAL_OR_KEYWORD

_COMMAND_GROUP = Group("Options of the command", sort_key=50)


def command_of(operation: Operation[Any]) -> Callable[..., Job]:
    """Return the command of an operation.

    Its parameters are those of the operation, all of them optional, because `--params` may give
    them instead: what is missing is found when they are read.
    """

    def command(*args: Any, **kwargs: Any) -> Job:
        values = signature.bind(*args, **kwargs).arguments
        extras = {name: values.pop(name) for name in _extras(operation) if name in values}
        return partial(execute, operation, values, Extras(**extras))

    signature = inspect.Signature([*_parameters(operation), *_extras(operation).values()])
    command.__signature__ = signature  # type: ignore[attr-defined]
    command.__annotations__ = {name: each.annotation for name, each in signature.parameters.items()}
    command.__doc__ = operation.help
    command.__name__ = operation.command[-1]
    return command


def _parameters(operation: Operation[Any]) -> Iterator[inspect.Parameter]:
    for each in attrs.fields(attrs.resolve_types(operation.parameters, include_extras=False)):
        kind = _KEYWORD if each.kw_only else _POSITIONAL
        yield inspect.Parameter(each.name, kind, default=None, annotation=_annotation(each.type))


def _annotation(kind: Any) -> Any:
    """Return a parameter's type as the command line reads it: JSON is text, None is left out."""
    if get_origin(kind) in {Union, UnionType}:
        (kind,) = (each for each in get_args(kind) if each is not type(None))
    return (str if is_json(kind) else kind) | None


def _extras(_operation: Operation[Any]) -> dict[str, inspect.Parameter]:
    """Return the options that only the command line has, for operations of this kind."""
    return {"params": _extra("params", str, "All parameters as JSON, @FILE or - for stdin.")}


def _extra(name: str, kind: Any, help: str) -> inspect.Parameter:
    annotation: Any = Annotated[
        kind | None, Parameter(name=f"--{name}", help=help, group=_COMMAND_GROUP)
    ]
    return inspect.Parameter(name, _KEYWORD, default=None, annotation=annotation)
