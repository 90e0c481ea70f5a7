"""Rows: the fields of a record, defined once for both ways of reading an item of a page.

A row names fields of a generated model, with their types in JSON. A page that matches the document
is decoded into rows directly. Any other page is read by the generated models, which report the
faults of a value that is needed; `row_of` creates the same row from a model.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec

from inngest_rest._core.resources.fields import optional, required
from inngest_rest._visible import shown
from inngest_rest_api import models as api
from inngest_rest_api.types import UNSET, Unreadable, read_list

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from inngest_rest._core.resources.fields import PageData

T = TypeVar("T")


class Row(msgspec.Struct, gc=False):  # what JSON holds has no cycles to be collected
    """The base of rows. What is absent or null is None, and so is what a row leaves out."""


W = TypeVar("W", bound=Row)

_fields_of = cache(msgspec.structs.fields)


def row_of(kind: type[W], model: object) -> W:
    """Return the row of a generated model; raise ValueError if a value is not as documented."""
    given: dict[str, Any] = {}
    for each in _fields_of(kind):
        value = getattr(model, each.name)
        if isinstance(value, Unreadable) and not _has_type(each):
            continue  # a record does without it
        found = required(value, each.encode_name) if each.required else _in_json(value)
        if isinstance(each.type, type) and issubclass(each.type, Row):
            found = row_of(each.type, found)
        if found is not None:
            given[each.name] = found
    return kind(**given)


def _has_type(each: msgspec.structs.FieldInfo) -> bool:
    return each.type is not Any


def _in_json(value: Any) -> Any:
    match optional(value):
        case api.JsonObject() as found:
            return found.additional_properties
        case datetime() as found:
            return found.isoformat()
        case found:
            return found


def moment(text: str | None) -> datetime | None:
    """Return the time in a row, or None if it has none or Go's zero time, in the year 1.

    One without a time zone is read as UTC, which servers write.
    """
    if text is None:
        return None
    found = datetime.fromisoformat(text)
    if found.year == 1:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


class PageForm(Generic[T]):
    """How to read a page of an operation: as its envelope, with its items converted.

    Each is converted as it is read, so that few objects are alive for the garbage collector.
    """

    def __init__(
        self, module: Any, convert: Callable[[Any], T], kind: type[Row] | None = None
    ) -> None:
        """Take what converts the model of an item or, if its kind is named, its row."""
        (self._envelope,) = module.result_types()
        self.__name__: str = self._envelope.__name__
        self.FIELDS: Mapping[str, str] = self._envelope.FIELDS
        self._item = getattr(api, re.sub("(List|Page)Envelope$", "", self.__name__))
        self._convert = convert
        self._kind = kind

    def from_json(self, content: bytes) -> PageData[T] | None:
        """Read a page that is as documented; return None for any other."""
        if self._kind is None:
            return None
        try:
            # Text, since msgspec does not look whether what it skips is UTF-8.
            page = _decoder(self._envelope, self._kind).decode(content.decode())
            items = tuple(map(self._convert, page.data))
        except (ValueError, RecursionError):
            return None
        others = {
            key: value
            for key in self.FIELDS
            if key != "data" and (value := getattr(page, key)) is not UNSET
        }
        return self._without_items(others), items

    def from_dict(self, body: dict[str, Any]) -> PageData[T]:
        """Read any page by the generated models; raise ValueError for what is not as documented."""
        items: Any = body.get("data", UNSET)
        if items is UNSET:
            self._check_empty(body)
        rest = self._without_items(body)
        # Go writes a list that was never filled as null.
        items = optional(read_list(items or [], "data", dict)) or ()
        return rest, tuple([self._read(each) for each in items])

    def _check_empty(self, body: Mapping[str, Any]) -> None:
        """Refuse a page without data that may not be empty: v2 leaves out only an empty list."""
        if "data" in self._envelope.REQUIRED:
            raise ValueError("data is missing")
        for name, value in body.items():
            if name not in self.FIELDS and isinstance(value, list) and value:
                raise ValueError(
                    f"data is missing, and the list {shown(name)} is not documented"
                )

    def _without_items(self, body: Mapping[str, Any]) -> Any:
        """Read all but the items; a page that is missing, unlike an empty one, stays so."""
        envelope = self._envelope.from_dict({**body, "data": None})
        if "page" in self._envelope.REQUIRED and body.get("page") is None:
            envelope.page = UNSET
        return envelope

    def _read(self, item: dict[str, Any]) -> T:
        model = self._item.from_dict(item)
        return self._convert(model if self._kind is None else row_of(self._kind, model))


@cache
def _decoder(envelope: Any, kind: type[Row]) -> msgspec.json.Decoder[Any]:
    """Return the decoder of pages whose items are rows; the rest of an envelope is as it is."""
    others = [(key, Any, UNSET) for key in envelope.FIELDS if key != "data"]
    items: Any = list[kind]  # type: ignore[valid-type]
    return msgspec.json.Decoder(msgspec.defstruct("Page", [("data", items), *others]))
