"""Read fields of generated models, any of which may be absent or not as documented.

A missing field is `UNSET`, even if the document requires it, and becomes None. Go's zero time
becomes None, too. Only fields that are indispensable to a result are `required`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import NOTHING, fields

from inngest_rest._core.calls.listing import ListedPage, PageRequest
from inngest_rest_api import models as api
from inngest_rest_api.types import UNSET, Unreadable, Unset

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from inngest_rest.record import Record

T = TypeVar("T")
R = TypeVar("R", bound="Record")

PageData = tuple[Any, tuple[T, ...]]


def optional(value: T | Unset) -> T | None:
    """Return a value, or None if it is absent; raise ValueError if it is not as documented."""
    if value is UNSET:
        return None
    found: Any = value
    if type(found) is str:
        if not found.isascii():
            found.encode()
    elif isinstance(value, Unreadable):
        raise ValueError(value.reason)
    return found  # type: ignore[no-any-return]


def required(value: str | Unset | None, name: str) -> str:
    """Return an indispensable text; raise ValueError if it is absent."""
    found = optional(value)
    if found is None:
        raise ValueError(f"{name} is missing")
    return found


def run_id_of(
    response: api.V1RunId | api.V1Replay | api.V2Invocation | api.V2RunId,
) -> str:
    return required(response.run_id, "the id of the run")


def timestamp(value: datetime | Unset | None) -> datetime | None:
    """Return an aware datetime, or None if it is absent or Go's zero time, in the year 1.

    One without a time zone is read as UTC, which servers write.
    """
    time = optional(value)
    if time is None or time.year == 1:
        return None
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)


def json_object(value: api.JsonObject | Unset | None) -> dict[str, Any] | None:
    """Return an object of any shape as a plain dict, or None if it is absent."""
    found = optional(value)
    return None if found is None else found.additional_properties


def record(kind: type[R], /, *models: object, **given: Any) -> R:
    """Make a record from the given fields and, for the others, from models with the same names.

    A field without a default is required.
    """
    for field in fields(kind):  # type: ignore[arg-type]
        name = field.name
        if name in given:
            continue
        value = _first_set(name, models)
        if isinstance(value, datetime):
            given[name] = timestamp(value)
        elif field.default is NOTHING:
            given[name] = required(value, name)
        else:
            found = optional(value)
            if found is not None:
                given[name] = found
    return kind(**given)


def _first_set(name: str, models: Iterable[object]) -> Any:
    """Return a field of the first model that has it, else `UNSET`."""
    for model in models:
        value = getattr(model, name, UNSET)
        if value is not UNSET:
            return value
    return UNSET


def v1_page(
    answer: PageData[T], asked: PageRequest, id_of: Callable[[T], str]
) -> ListedPage[T]:
    """Return a page of a listing that continues after the last id; a short page may be the last.

    A page that ends at the requested cursor has nothing new.
    """
    _, items = answer
    if not items:
        return ListedPage(items)
    last = id_of(items[-1])
    if last == asked.cursor:
        return ListedPage(items)
    is_short = len(items) < asked.size
    return ListedPage(items, cursor=last, is_short=is_short)


def v2_page(answer: PageData[T], asked: PageRequest) -> ListedPage[T]:
    """Return a page of a listing; `page` shows whether more follow, even if it has no items.

    Servers send a cursor only if more follow, so it is used unless `hasMore` is false: a release
    may rename that. A page with `hasMore` but no cursor is cut off, and so is a full one with
    neither, if it has no `page`, or unknown fields there. v1, which has no `page`, lists all at
    once.
    """
    envelope, items = answer
    is_full = len(items) >= asked.size
    page = optional(getattr(envelope, "page", api.V2Page()))
    if page is None:
        return ListedPage(items, cut_off=_SILENT if is_full else "")
    has_more = optional(page.has_more)
    cursor = optional(page.cursor) or None
    if has_more is False:
        return ListedPage(items)
    if cursor is not None:
        return ListedPage(items, cursor=cursor)
    if has_more is True:
        return ListedPage(items, cut_off=_WITHOUT_CURSOR)
    is_silent = is_full and page.additional_properties
    return ListedPage(items, cut_off=_SILENT if is_silent else "")


_SILENT = "it is full, and does not say whether more follow (page)"
_WITHOUT_CURSOR = "it says that more follow (hasMore), but not by which cursor"
