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
from inngest_rest._values.visible import shown
from inngest_rest_api import models as api
from inngest_rest_api.types import UNSET, Unreadable, read_list

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from inngest_rest._core.resources.fields import PageData

T = TypeVar("T")


class PageRow(msgspec.Struct, gc=False):  # values of JSON have no cycles to collect
    """The base of rows; an absent field is None, as is null."""


W = TypeVar("W", bound=PageRow)

_fields_of = cache(msgspec.structs.fields)


def row_of(kind: type[W], model: object) -> W:
    """Return the row of a generated model; raise ValueError if a value is not as documented."""
    given: dict[str, Any] = {}
    for field in _fields_of(kind):
        raw = getattr(model, field.name)
        if isinstance(raw, Unreadable) and field.type is Any:
            continue  # a record does not need it
        value = required(raw, field.encode_name) if field.required else _in_json(raw)
        if isinstance(field.type, type) and issubclass(field.type, PageRow):
            value = row_of(field.type, value)
        if value is not None:
            given[field.name] = value
    return kind(**given)


def _in_json(value: Any) -> Any:
    """Return a value of a model as it is in JSON."""
    found = optional(value)
    if isinstance(found, api.JsonObject):
        return found.additional_properties
    if isinstance(found, datetime):
        return found.isoformat()
    return found


def moment(text: str | None) -> datetime | None:
    """Return a time of a row; None if it is absent or Go's zero time, in the year 1.

    One without a time zone is read as UTC, which servers write.
    """
    if text is None:
        return None
    time = datetime.fromisoformat(text)
    if time.year == 1:
        return None
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)


class PageReader(Generic[T]):
    """Reads a page of an operation: its envelope, and its items converted.

    Each item is converted as it is read, so that the garbage collector has few live objects.
    """

    def __init__(
        self,
        module: Any,
        convert: Callable[[Any], T],
        kind: type[PageRow] | None = None,
    ) -> None:
        """Take the conversion of an item, from its row if its `kind` is given, else its model."""
        (self._envelope,) = module.result_types()
        self.__name__: str = self._envelope.__name__
        self.FIELDS: Mapping[str, str] = self._envelope.FIELDS
        name_of_item = re.sub("(List|Page)Envelope$", "", self.__name__)
        self._item = getattr(api, name_of_item)
        self._convert = convert
        self._kind = kind

    def from_json(self, content: bytes) -> PageData[T] | None:
        """Read a page that is as documented; return None for any other."""
        if self._kind is None:
            return None
        try:
            # Text, since msgspec does not check that skipped values are UTF-8.
            page = _decoder(self._envelope, self._kind).decode(content.decode())
            items = tuple(map(self._convert, page.data))
        except (ValueError, RecursionError):
            return None
        rest: dict[str, Any] = {}
        for key in self.FIELDS:
            value = getattr(page, key)
            if key != "data" and value is not UNSET:
                rest[key] = value
        return self._without_items(rest), items

    def from_dict(self, body: dict[str, Any]) -> PageData[T]:
        """Read any page by the generated models; raise ValueError if it is not as documented."""
        data: Any = body.get("data", UNSET)
        if data is UNSET:
            self._check_empty(body)
        rest = self._without_items(body)
        # Go writes a list that was never filled as null.
        items = optional(read_list(data or [], "data", dict)) or ()
        return rest, tuple([self._read(item) for item in items])

    def _check_empty(self, body: Mapping[str, Any]) -> None:
        """Refuse a page without data that may not be empty: v2 omits only an empty list."""
        if "data" in self._envelope.REQUIRED:
            raise ValueError("data is missing")
        for name, value in body.items():
            if name not in self.FIELDS and isinstance(value, list) and value:
                raise ValueError(
                    f"data is missing, and the list {shown(name)} is not documented"
                )

    def _without_items(self, body: Mapping[str, Any]) -> Any:
        """Read all but the items; a missing `page` stays missing, unlike an empty one."""
        envelope = self._envelope.from_dict({**body, "data": None})
        if "page" in self._envelope.REQUIRED and body.get("page") is None:
            envelope.page = UNSET
        return envelope

    def _read(self, item: dict[str, Any]) -> T:
        model = self._item.from_dict(item)
        if self._kind is None:
            return self._convert(model)
        return self._convert(row_of(self._kind, model))


@cache
def _decoder(envelope: Any, kind: type[PageRow]) -> msgspec.json.Decoder[Any]:
    """Return the decoder of pages whose items are rows; it converts nothing else."""
    rest = [(key, Any, UNSET) for key in envelope.FIELDS if key != "data"]
    items: Any = list[kind]  # type: ignore[valid-type]
    page = msgspec.defstruct("Page", [("data", items), *rest])
    return msgspec.json.Decoder(page)
