"""Commands: each operation as a function whose signature cyclopts reads."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

import attrs
from cyclopts import Group, Parameter

from inngest_rest.cli.extras import Extras
from inngest_rest.operations.operation import Returns
from inngest_rest.operations.parameters import is_json
from inngest_rest.operations.problems import EXIT_STATUS, Code

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inngest_rest.cli.options import Options
    from inngest_rest.operations.operation import Operation

Job = Callable[["Options"], int]
"""What a command line asks for: it takes the options, and returns the exit status."""

_KEYWORD = inspect.Parameter.KEYWORD_ONLY
_POSITIONAL = inspect.Parameter.POSITIONAL_OR_KEYWORD

_EXIT_STATUS = "Exit status: 0 done, " + ", ".join(
    f"{EXIT_STATUS[code]} {code.replace('_', ' ')}" for code in Code
)

_COMMAND_GROUP = Group("Options of the command", sort_key=50)

# What an agent passes in place of --yes.
_HIDDEN = {"confirmed_count"}

_WAITING = {"events.wait", "runs.wait", "runs.watch"}


def command_of(operation: Operation[Any]) -> Callable[..., Job]:
    """Return the command of an operation.

    Its parameters are those of the operation, all of them optional, because `--params` may give
    them instead: what is missing is found when they are read.
    """

    def command(*args: Any, **kwargs: Any) -> Job:
        from inngest_rest.cli.execution import execute  # noqa: PLC0415 - help needs no client

        values = signature.bind(*args, **kwargs).arguments
        extras = {name: values.pop(name) for name in _extras(operation) if name in values}
        return partial(execute, operation, values, Extras(**extras))

    signature = inspect.Signature([*_parameters(operation), *_extras(operation).values()])
    command.__signature__ = signature  # type: ignore[attr-defined]
    command.__annotations__ = {name: each.annotation for name, each in signature.parameters.items()}
    command.__doc__ = unwrapped(operation.description)
    command.__name__ = operation.command[-1]
    return command


def unwrapped(text: str) -> str:
    """Return text with a line per paragraph, to be wrapped to the width of a terminal."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def epilogue_of(operation: Operation[Any]) -> str:
    """Return what follows the help of a command: examples, and what the exit status says."""
    command = " ".join(operation.command)
    return epilogue(*(f"{command} {example}" for example in operation.examples))


def epilogue(*examples: str) -> str:
    """Return what follows the help of a command with these examples, each without the program."""
    lines = "\n".join(f"  inngest-rest {example}" for example in examples)
    return f"Examples:\n{lines}\n\n{_EXIT_STATUS}"


def _parameters(operation: Operation[Any]) -> Iterator[inspect.Parameter]:
    described = operation.parameter_help
    for each in attrs.fields(attrs.resolve_types(operation.parameters)):
        if each.name in _HIDDEN:
            continue
        kind = _KEYWORD if each.kw_only else _POSITIONAL
        help = " ".join(filter(None, [described[each.name], _form(each.type), _default(each)]))
        parameter = Parameter(help=help, show_default=False)
        annotation: Any = Annotated[_annotation(each.type), parameter]
        default = False if _plain(each.type) is bool else None
        yield inspect.Parameter(each.name, kind, default=default, annotation=annotation)


def _annotation(kind: Any) -> Any:
    """Return a parameter's type as the command line reads it: JSON is text, None is left out."""
    kind = _plain(kind)
    if kind is bool:  # with None it would look like an option with a value to completion
        return kind
    return (str if is_json(kind) else kind) | None


def _plain(kind: Any) -> Any:
    """Return a type without None, and without what is said of it."""
    if get_origin(kind) is Annotated:
        return _plain(get_args(kind)[0])
    if get_origin(kind) in {Union, UnionType}:
        (kind,) = (each for each in get_args(kind) if each is not type(None))
        return _plain(kind)
    return kind


def _form(kind: Any) -> str:
    """Return how a value is written, if that has to be said."""
    if is_json(_plain(kind)):
        return "JSON, @FILE, or - for standard input."
    found = [
        each.description
        for part in (kind, *get_args(kind))
        if get_origin(part) is Annotated
        for each in get_args(part)[1:]
        if getattr(each, "description", None)
    ]
    return f"{found[0]}." if found else ""


def _default(parameter: attrs.Attribute[Any]) -> str:
    default = parameter.default
    is_said = isinstance(default, int | float) and not isinstance(default, bool)
    return f"By default {default:g}." if is_said else ""


def _extras(operation: Operation[Any]) -> dict[str, inspect.Parameter]:
    """Return the options that only the command line has, for operations of this kind."""
    extras = [_extra("params", str, "All parameters as JSON, @FILE, or - for standard input.")]
    if operation.returns is Returns.PAGES:
        extras.append(_extra("all", bool, "List all there is, as -o ndjson or to --output-file."))
    if operation.name in _WAITING:
        help = f"Exit with {EXIT_STATUS[Code.RUN_FAILED]} if a run failed or was cancelled."
        extras.append(_extra("exit_status", bool, help))
    names = {each.name for each in attrs.fields(operation.parameters)}
    if "dry_run" in names:
        help = "Keep a row per run in this file, and resume from it if it exists."
        extras.append(_extra("report", str, help))
    if "confirmed_count" in names:
        extras.append(_extra("yes", bool, "Act on what a filter selects without asking."))
    return {each.name: each for each in extras}


def _extra(name: str, kind: Any, help: str) -> inspect.Parameter:
    option = f"--{name.replace('_', '-')}"
    parameter = Parameter(name=option, help=help, group=_COMMAND_GROUP, show_default=False)
    annotation: Any = Annotated[kind if kind is bool else kind | None, parameter]
    default = False if kind is bool else None
    return inspect.Parameter(name, _KEYWORD, default=default, annotation=annotation)
