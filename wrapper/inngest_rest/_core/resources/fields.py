"""Read fields of generated models, any of which may be absent or not as documented.

A missing field is `UNSET`, even if the document requires it, and becomes None. Go's zero time
becomes None, too. Only the fields that a result cannot do without are `required`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import NOTHING, fields

from inngest_rest._core.calls.listing import ListedPage, PageRequest
from inngest_rest._visible import shown
from inngest_rest_api import models as api
from inngest_rest_api.types import UNSET, Unreadable, Unset

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

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
    """Return the text that a result cannot be without; raise ValueError if it is absent."""
    found = optional(value)
    if found is None:
        raise ValueError(f"{name} is missing")
    return found


def run_id_of(it: api.V1RunId | api.V1Replay | api.V2Invocation | api.V2RunId) -> str:
    return required(it.run_id, "the id of the run")


def timestamp(value: datetime | Unset | None) -> datetime | None:
    """Return an aware datetime, or None if it is absent or Go's zero time, in the year 1.

    One without a time zone is read as UTC, which servers write.
    """
    found = optional(value)
    if found is None or found.year == 1:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def json_object(value: api.JsonObject | Unset | None) -> dict[str, Any] | None:
    """Return an object of any shape as a plain dict, or None if it is absent."""
    found = optional(value)
    return None if found is None else found.additional_properties


def record(kind: type[R], /, *models: object, **given: Any) -> R:
    """Make a record of the fields of the same names that models have, and of those that are given.

    What has no default is required.
    """
    for each in fields(kind):  # type: ignore[arg-type]
        if each.name not in given:
            values = (getattr(it, each.name, UNSET) for it in models)
            value: Any = next((value for value in values if value is not UNSET), UNSET)
            if isinstance(value, datetime):
                given[each.name] = timestamp(value)
            elif each.default is NOTHING:
                given[each.name] = required(value, each.name)
            elif (found := optional(value)) is not None:
                given[each.name] = found
    return kind(**given)


def v1_page(
    answer: PageData[T], asked: PageRequest, id_of: Callable[[T], str]
) -> ListedPage[T]:
    """Return a page of a listing: it continues after the last id; a short page may be the last.

    A page that ends where the requested cursor is has nothing new.
    """
    items = answer[1]
    last = id_of(items[-1]) if items else None
    if last is None or last == asked.cursor:
        return ListedPage(items)
    return ListedPage(items, last, is_short=len(items) < asked.size)


def v2_page(answer: PageData[T], asked: PageRequest) -> ListedPage[T]:
    """Return a page of a listing; only `page` shows whether more follow: it may be empty itself.

    Servers send a cursor only where more follow, so it is followed unless the page says that it is
    the last: a release may name `hasMore` otherwise. One that has more, but no cursor, is cut off,
    and so is a full one that does not say in words known here whether it is the last. v1, which has
    no `page`, lists all at once.
    """
    envelope, items = answer
    is_full = len(items) >= asked.size
    page = optional(getattr(envelope, "page", api.V2Page()))
    if page is None:
        return ListedPage(items, cut_off=_WITHOUT_PAGE if is_full else "")
    has_more, cursor = optional(page.has_more), optional(page.cursor) or None
    if has_more is False:
        return ListedPage(items)
    if cursor is not None:
        return ListedPage(items, cursor)
    if has_more is True:
        return ListedPage(
            items, cut_off="it says that more follow (hasMore), but not by which cursor"
        )
    return ListedPage(
        items, cut_off=_said_otherwise(page.additional_properties, is_full=is_full)
    )


_WITHOUT_PAGE = "it is full, and does not say whether more follow (page)"

# Fields that other APIs have in the place of hasMore and cursor: hasNextPage, next_token, after.
_FORWARD = re.compile("next|more|end_?cursor|after|continu", re.IGNORECASE)


def _said_otherwise(page: Mapping[str, Any], *, is_full: bool) -> str:
    """Return why more may follow a page without hasMore and cursor, by fields unknown here.

    A flag says it of any page; anything else, such as a cursor that is always there, of a full one.
    """
    said = {
        name: value for name, value in page.items() if value and _FORWARD.search(name)
    }
    flags = [
        name for name, value in page.items() if value is False and _FORWARD.search(name)
    ]
    if flags or not said or not (is_full or True in said.values()):
        return ""
    names = ", ".join(map(shown, said))
    return f"more may follow it by fields that are not documented ({names})"
