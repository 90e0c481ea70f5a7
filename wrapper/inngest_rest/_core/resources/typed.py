"""Check that the fields of a public model have the types that it promises.

The generated readers believe most of what they are sent, and some parts of responses are JSON of
any shape. A number in the place of a text would fail later, in the caller's code, and an id with a
lone surrogate when it is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, wraps
from operator import attrgetter, contains
from types import UnionType
from typing import Any, NamedTuple, ParamSpec, TypeVar, cast, get_args, get_origin, get_type_hints

from inngest_rest.record import Record

P = ParamSpec("P")
R = TypeVar("R", bound=Record)


class _Fields(NamedTuple):
    """What the fields of a model may have.

    Attributes:
        names: The fields that may not have just anything.
        values: Returns their values.
        kinds: The types that each may have.
        tuples: Those that may be a tuple, with the type of its items.
    """

    names: tuple[str, ...]
    values: Callable[[object], tuple[Any, ...]]
    kinds: tuple[frozenset[object], ...]
    tuples: tuple[tuple[int, type[Any]], ...]


def typed(convert: Callable[P, R]) -> Callable[P, R]:
    """Make a converter raise a ValueError where a field has another type, or cannot be encoded."""

    @wraps(convert)
    def converter(*args: P.args, **kwargs: P.kwargs) -> R:
        record = convert(*args, **kwargs)
        _check(record)
        return record

    return converter


def _check(record: Record) -> None:
    model: Any = type(record)
    fields = _fields(model)
    values = fields.values(record)
    if not all(map(contains, fields.kinds, map(type, values))):
        checked = zip(fields.names, values, fields.kinds, strict=True)
        name, value = next(it[:2] for it in checked if type(it[1]) not in it[2])
        raise ValueError(f"{name} cannot be {type(value).__name__}")
    for place, kind in fields.tuples:
        for item in values[place]:
            if type(item) is not kind:
                raise ValueError(f"{fields.names[place]} cannot have {type(item).__name__}")
        values = (*values, *values[place])
    for value in values:
        if type(value) is str and not value.isascii():
            value.encode()


@cache
def _fields(model: type[Record]) -> _Fields:
    types = {name: _types(hint) for name, hint in get_type_hints(model).items()}
    names = tuple(name for name, kinds in types.items() if Any not in kinds)
    kinds = tuple(frozenset(get_origin(kind) or kind for kind in types[name]) for name in names)
    tuples = [
        (place, get_args(kind)[0])
        for place, name in enumerate(names)
        for kind in types[name]
        if get_origin(kind) is tuple
    ]
    values = cast("Callable[[object], tuple[Any, ...]]", attrgetter(*names))
    return _Fields(names, values, kinds, tuple(tuples))


def _types(hint: Any) -> tuple[Any, ...]:
    """Return the types that a value may have; a type variable stands for any."""
    if isinstance(hint, TypeVar):
        return (Any,)
    if get_origin(hint) is UnionType:
        return tuple(kind for part in get_args(hint) for kind in _types(part))
    return (dict,) if get_origin(hint) is Mapping else (hint,)
