"""Typed events: `EventType` binds the name of an event to the type of its data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from attrs import frozen

from inngest_rest._core import typed_events
from inngest_rest.errors import InvalidArgumentError
from inngest_rest.event import Event

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from inngest_rest.models import StoredEvent

D = TypeVar("D")


@frozen
class EventType(Generic[D]):
    """The name of an event and the type of its data.

    Call it with the data to create an `Event` for `send` and the buffers. A dataclass, an attrs
    class, a TypedDict or a pydantic model is validated and converted.

    Args:
        name: The name, such as "app/order.created".
        data_type: A dataclass, an attrs class, a TypedDict or a pydantic model.

    Raises:
        InvalidArgumentError: `data_type` is of another kind, or a field's type is not known or
            cannot be converted.
    """

    name: str
    data_type: type[D]

    def __attrs_post_init__(self) -> None:
        typed_events.check_kind("data_type", self.data_type)

    def __call__(
        self,
        data: D,
        *,
        id: str | None = None,
        user: Mapping[str, Any] | None = None,
        ts: datetime | int | None = None,
        v: str | None = None,
    ) -> Event:
        """Create an event, with its data validated and converted to JSON types.

        Args:
            data: The data. Decimals, datetimes, UUIDs and bytes (base64) become text, sets lists.
            id: Idempotency key; a unique one by default.
            user: JSON object about the user.
            ts: When it happened.
            v: Version of the event's schema.

        Raises:
            InvalidArgumentError: The data is not of the type, or a mapping has a key that the
                TypedDict does not have; the message has the path.
        """
        try:
            plain = typed_events.to_data(data, self.data_type)
        except ValueError as error:
            raise InvalidArgumentError(f"{self.name}: {error}", argument="data") from None
        if id is None:
            return Event(self.name, plain, user=user, ts=ts, v=v)
        return Event(self.name, plain, id=id, user=user, ts=ts, v=v)

    def read(self, event: StoredEvent) -> StoredEvent[D]:
        """Return a stored event with its data as `data_type`; keys unknown to the type are ignored.

        Raises:
            InvalidArgumentError: The event has another name.
            EventDataError: Its data is not of the type.
        """
        if event.name != self.name:
            raise InvalidArgumentError(
                f"event {event.internal_id} is a {event.name}", argument="event"
            )
        return typed_events.read_event(event, self.data_type)
