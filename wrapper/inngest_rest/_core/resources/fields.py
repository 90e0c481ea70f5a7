"""Take values out of generated models, where any may be absent or not as documented.

What a response lacks is `UNSET`, also where the document requires it, and becomes None. Go's zero
time becomes None, too. Only what a result cannot be without is `required`.
"""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from inngest_rest._core.calls.listing import ListedPage
from inngest_rest_api.types import Unreadable, Unset

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from inngest_rest._core.calls.listing import PageRequest
    from inngest_rest_api import models as api

A = TypeVar("A")
A_co = TypeVar("A_co", covariant=True)
T = TypeVar("T")


def optional(value: T | Unset) -> T | None:
    """Return a value, or None if it is absent.

    Raises:
        ValueError: It is there, and not as documented, or text that cannot be encoded.
    """
    if isinstance(value, Unset):
        if isinstance(value, Unreadable):
            raise ValueError(value.reason)  # noqa: TRY004 - a fault of the response
        return None
    if isinstance(value, str) and not value.isascii():
        value.encode()
    return value


def required(value: str | Unset | None, name: str) -> str:
    """Return the text that a result cannot be without.

    Raises:
        ValueError: It is absent, or not text that can be encoded.
    """
    found = optional(value)
    if found is None:
        raise ValueError(f"{name} is missing")
    return found


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


def v1_page(found: Iterable[T], id_of: Callable[[T], str], asked: PageRequest) -> ListedPage[T]:
    """Return a page of a listing: it continues after the last id, and ends at a short page.

    A page that ends where the requested cursor is has nothing new.
    """
    items = tuple(found)
    last = id_of(items[-1]) if len(items) >= asked.size else None
    return ListedPage(items, None if last == asked.cursor else last)


class _V2Envelope(Protocol[A_co]):
    """A response of v2 with one page of a listing."""

    @property
    def data(self) -> Sequence[A_co] | Unset: ...
    @property
    def page(self) -> api.V2Page: ...


def v2_page(answer: _V2Envelope[A], convert: Callable[[A], T]) -> ListedPage[T]:
    """Return a page of a listing; only `page` shows whether more follow: one may be empty."""
    cursor = optional(answer.page.cursor) if optional(answer.page.has_more) else None
    items = tuple(map(convert, optional(answer.data) or ()))
    return ListedPage(items, required(cursor, "cursor") if cursor else None)
