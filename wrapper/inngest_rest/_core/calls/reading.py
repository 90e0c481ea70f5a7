"""Read a generated model from a response: exactly as documented, or else as far as possible.

The document says what servers send, but a client also meets the next release, and services that
are known only by their documents. So what an exact reading refuses is read key by key: a key that
is absent or null becomes `UNSET`, also where the document requires it, and a value that cannot be
read becomes `Unreadable`. The converters in `resources` then decide what a result needs, and
nothing else can fail it.
"""

from __future__ import annotations

import datetime as dt
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Protocol, TypeVar, cast, get_args, get_origin, get_type_hints

from inngest_rest_api.types import UNSET, Unset

T = TypeVar("T")

# What a reader raises where a response differs from the document.
_DIFFERS = (AttributeError, KeyError, TypeError, ValueError)


class Unreadable(Unset):
    """Stands for a value that is not as documented; an error only if the result needs it.

    Attributes:
        reason: What is wrong with it.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason


class _Model(Protocol):
    """A generated model."""

    FIELDS: dict[str, str]
    additional_properties: dict[str, Any]

    def __init__(self, **fields: object) -> None: ...
    @classmethod
    def from_dict(cls, src_dict: Any) -> Any: ...


def read_model(forms: tuple[type[T], ...], body: object) -> T:
    """Read a generated model, or a list of them, from a decoded response.

    Args:
        forms: The models that the response may be, each `model` or `list[model]`: it is the first
            of which it has something.
        body: The decoded JSON.

    Raises:
        ValueError: The body is something else.
    """
    for form in forms:
        if get_origin(form) is list or (
            isinstance(body, dict) and body.keys() & cast("type[_Model]", form).FIELDS.keys()
        ):
            return cast("T", _read(form, body))
    raise ValueError(f"it has nothing of the documented {forms[0].__name__}")


def _read(kind: Any, value: Any) -> Any:
    """Read a value of one type."""
    if kind is Any:
        return value
    if get_origin(kind) is list:
        (item,) = get_args(kind)
        return [_read(item, each) for each in _checked(list[Any], value)]
    if hasattr(kind, "FIELDS"):
        body = _checked(dict[str, Any], value)
        try:
            return kind.from_dict(body)
        except _DIFFERS:
            return _read_fields(kind, body)
    if kind is dt.datetime:
        return dt.datetime.fromisoformat(value)
    if issubclass(kind, Enum):
        return kind(value)
    return _checked(kind, value)


def _read_fields(model: type[_Model], body: dict[str, Any]) -> _Model:
    """Read each documented key by itself."""
    types = _types(model)
    fields = {name: _read_field(types[name], key, body) for key, name in model.FIELDS.items()}
    found = model(**fields)
    found.additional_properties = {
        key: value for key, value in body.items() if key not in model.FIELDS
    }
    return found


def _read_field(types: tuple[Any, ...], key: str, body: dict[str, Any]) -> object:
    value = body.get(key)
    if value is None:
        return _nothing(types, is_null=key in body)
    reason = ""
    for each in types:
        if each not in (Unset, NoneType):
            try:
                return _read(each, value)
            except _DIFFERS as error:
                reason = str(error)
    return Unreadable(f"{key}: {reason}")


def _nothing(types: tuple[Any, ...], *, is_null: bool) -> object:
    """Return what stands for a key that is absent or null."""
    if NoneType in types:
        return None
    if Unset not in types and len(types) == 1:
        if hasattr(types[0], "FIELDS"):
            # Readers look into a part that is always there: let it have nothing.
            return _read_fields(types[0], {})
        if is_null and get_origin(types[0]) is list:
            # Go writes a list that was never filled as null.
            return []
    return UNSET


def _checked(kind: type[T], value: object) -> T:
    if type(value) is not (get_origin(kind) or kind):
        raise TypeError(f"{kind.__name__} expected, not {type(value).__name__}")
    return cast("T", value)


@cache
def _types(model: type[_Model]) -> dict[str, tuple[Any, ...]]:
    """Return the types of each field: several for a union, `Unset` among them if it is optional."""
    return {
        name: get_args(hint) if get_origin(hint) is UnionType else (hint,)
        for name, hint in get_type_hints(model).items()
    }
