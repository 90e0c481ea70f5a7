"""Values of any type in the types of JSON."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import fields as dataclass_fields
from dataclasses import is_dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from functools import cache
from types import NoneType
from typing import Any

from attrs import fields, has

Conversion = Callable[[Any], Any]


class Conversions(dict[type, Conversion]):
    """The function that converts values of a type, by type: `conversions[type(value)](value)`.

    Any other class has the function of the first of these types that it is a subclass of, which is
    looked up once. `own` come first: a program writes times more briefly, for example.
    """

    def __init__(self, own: Mapping[type, Conversion]) -> None:
        super().__init__(own)
        for kind, conversion in self._of_standard_types().items():
            self.setdefault(kind, conversion)
        self._by_base = tuple(self.items())

    def __missing__(self, kind: type) -> Conversion:
        conversion = self[kind] = self._of_subclass(kind)
        return conversion

    def convert(self, value: object) -> Any:
        return self[type(value)](value)

    def convert_or_describe(self, value: object) -> Any:
        """Convert a value; describe it if it is nested too deeply.

        Every sender of events decides how deeply their data are nested.
        """
        try:
            return self.convert(value)
        except RecursionError:
            return f"({type(value).__name__}, nested too deeply)"

    def _of_standard_types(self) -> dict[type, Conversion]:
        """Return the conversions in the order in which a class is looked up among their types."""
        return {
            Enum: self._enum,
            str: _text,
            NoneType: _same,
            bool: _same,
            int: _same,
            float: _number,
            datetime: _iso_text,
            date: date.isoformat,
            time: time.isoformat,
            timedelta: timedelta.total_seconds,
            # `dict` is a mapping: its own entry saves the search.
            dict: self._object,
            Mapping: self._object,
            list: self._array,
            tuple: self._array,
            AbstractSet: self._array,
            range: self._array,
        }

    def _of_subclass(self, kind: Any) -> Conversion:
        for base, conversion in self._by_base:
            if issubclass(kind, base):
                return conversion
        if has(kind):
            return self._of_fields([field.name for field in fields(kind)])
        if is_dataclass(kind):
            return self._of_fields([field.name for field in dataclass_fields(kind)])
        if hasattr(kind, "model_dump"):  # a pydantic model
            return lambda model: self.convert(model.model_dump())
        return str

    def _of_fields(self, names: list[str]) -> Conversion:
        return lambda value: {
            name: self.convert(getattr(value, name)) for name in names
        }

    def _object(self, pairs: Mapping[object, object]) -> dict[str, Any]:
        converted: dict[str, Any] = {}
        for key, value in pairs.items():
            name = key if type(key) is str and key.isascii() else self._name(key)
            converted[name] = self[type(value)](value)
        return converted

    def _name(self, key: object) -> str:
        return str(self[type(key)](key))

    def _array(self, items: Iterable[object]) -> list[Any]:
        return [self[type(item)](item) for item in items]

    def _enum(self, member: Enum) -> Any:
        value = member._value_  # `value` takes five times as long
        if type(value) is str and value.isascii():
            return value
        return self.convert(value)


def _same(value: object) -> object:
    return value


def _text(value: str) -> str:
    if value.isascii():
        return str(value)
    # A lone surrogate cannot be written to a file or sent.
    return value.encode(errors="replace").decode()


def _number(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)


def _iso_text(value: datetime) -> str:
    if value.tzinfo is not UTC or type(value) is not datetime:
        return value.isoformat()
    # The same text in a quarter of the time.
    return f"{_to_builtins()(value)[:-1]}+00:00"


@cache
def _to_builtins() -> Callable[[datetime], str]:
    """Return msgspec's function: help of the command starts without msgspec, and sooner."""
    import msgspec  # noqa: PLC0415

    return msgspec.to_builtins
