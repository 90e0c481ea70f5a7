"""Typed events: `EventType` binds the name of an event to the type of its data.

msgspec converts dataclasses, attrs classes and TypedDicts: it is strict, and names the path of what
is wrong. Of the others, cattrs coerces ("5" becomes 5), and pydantic's TypeAdapter knows no attrs
classes. A pydantic model converts itself, so pydantic is never imported here.
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast, get_origin, is_typeddict

import attrs
import msgspec

from inngest_rest._values.visible import shown
from inngest_rest.errors import EventDataError, InvalidArgumentError
from inngest_rest.event import Event, Sessions, new_event_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from inngest_rest.models import StoredEvent

__all__ = ["EventType"]

D = TypeVar("D")

_PATH = r" - at `\$(.*?)`"  # in messages of msgspec


@attrs.frozen
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
        check_kind("data_type", self.data_type)

    def __call__(
        self,
        data: D,
        *,
        id: str | None = None,
        user: Mapping[str, Any] | None = None,
        ts: datetime | int | None = None,
        v: str | None = None,
        sessions: Sessions | None = None,
    ) -> Event:
        """Create an event, with its data validated and converted to JSON types.

        Args:
            data: The data. Decimals, datetimes, UUIDs and bytes (base64) become text, sets lists.
            id: Idempotency key; a unique one by default.
            user: JSON object about the user.
            ts: When it happened.
            v: Version of the event's schema.
            sessions: Ids of the sessions that its runs belong to, by key.

        Raises:
            InvalidArgumentError: The data is not of the type, or a mapping has a key that the
                TypedDict does not have; the message has the path.
        """
        try:
            plain = _to_data(data, self.data_type)
        except ValueError as error:
            raise InvalidArgumentError(
                f"{self.name}: {error}", argument="data"
            ) from None
        return Event(
            self.name,
            plain,
            id=new_event_id() if id is None else id,
            user=user,
            ts=ts,
            v=v,
            sessions=sessions,
        )

    def read(self, event: StoredEvent) -> StoredEvent[D]:
        """Return a stored event with its data as `data_type`; keys unknown to the type are ignored.

        Args:
            event: A stored event of this name.

        Raises:
            InvalidArgumentError: The event has another name.
            EventDataError: Its data is not of the type.
        """
        if event.name != self.name:
            raise InvalidArgumentError(
                f"event {event.internal_id} is a {event.name}", argument="event"
            )
        return read_event(event, self.data_type)


def check_kind(name: str, kind: object) -> None:
    """Raise for a type that is not a payload's, or has fields that cannot be converted."""
    bare: Any = get_origin(kind) or kind
    if _is_pydantic(bare):
        return
    if not _is_payload_class(bare):
        raise InvalidArgumentError(
            f"{name} must be a dataclass, an attrs class, a TypedDict or a pydantic model, "
            f"not {shown(kind)}",
            argument=name,
        )
    try:
        msgspec.convert(None, kind, dec_hook=_validated)
    except msgspec.ValidationError:
        pass  # None is not of the type, but the type can be converted to.
    except (NameError, TypeError) as error:
        raise InvalidArgumentError(
            f"{name} {_name(kind)} cannot be used: {error}", argument=name
        ) from None


def _is_payload_class(kind: Any) -> bool:
    if not type.__instancecheck__(type, kind):
        return False
    return dataclasses.is_dataclass(kind) or attrs.has(kind) or is_typeddict(kind)


def _to_data(payload: D, kind: type[D]) -> dict[str, Any]:
    """Return a payload as event data, in the types of JSON; a ValueError has the path in it."""
    bare = get_origin(kind) or kind
    expected = dict if is_typeddict(bare) else bare
    if not isinstance(payload, expected):
        raise ValueError(f"data must be {_name(kind)}, not {type(payload).__name__}")  # noqa: TRY004
    if _is_pydantic(bare):
        return cast("dict[str, Any]", _dumped(payload))
    plain = _plain(payload)
    again = _plain(_to_payload(plain, kind))
    if again != plain:
        # A misspelt key would go unnoticed.
        for dropped in _dropped(plain, again, "data"):
            raise ValueError(dropped)
    return plain


def _to_payload(data: Mapping[str, Any] | None, kind: type[D]) -> D:
    """Return event data as a payload, without other keys; a ValueError has the path in it."""
    try:
        return msgspec.convert(data or {}, kind, dec_hook=_validated)
    except msgspec.ValidationError as error:
        # The path in a pydantic model comes before that of the model.
        message = str(error)
        paths = re.findall(_PATH, message)
        reason = re.split(_PATH, message)[0]
        path = "".join(reversed(paths))
        raise ValueError(f"data{path}: {reason[:1].lower()}{reason[1:]}") from None


def read_event(event: StoredEvent, kind: type[D]) -> StoredEvent[D]:
    """Return a stored event with its data as a payload, or raise EventDataError."""
    try:
        payload = _to_payload(event.data, kind)
    except ValueError as error:
        raise EventDataError(str(error), event=event) from None
    return cast("StoredEvent[D]", attrs.evolve(event, data=cast("Any", payload)))


def _plain(payload: object) -> dict[str, Any]:
    return cast("dict[str, Any]", msgspec.to_builtins(payload, enc_hook=_dumped))


def _dropped(before: object, after: object, path: str) -> Iterator[str]:
    """Yield a description of each key that was lost, as the type does not have it."""
    if isinstance(before, dict) and isinstance(after, dict):
        kept = cast("dict[str, object]", after)
        for key, value in cast("dict[str, object]", before).items():
            if key not in kept:
                yield f"{path}: unknown key {shown(key)}"
            else:
                yield from _dropped(value, kept[key], f"{path}.{key}")
    elif isinstance(before, list | tuple) and isinstance(after, list | tuple):
        items_before = cast("Sequence[object]", before)
        items_after = cast("Sequence[object]", after)
        pairs = zip(items_before, items_after, strict=False)
        for index, (item, kept_item) in enumerate(pairs):
            yield from _dropped(item, kept_item, f"{path}[{index}]")


def _is_pydantic(kind: object) -> bool:
    return hasattr(kind, "model_validate") and hasattr(kind, "model_dump")


def _dumped(model: Any) -> Any:
    kind = model.__class__
    if not _is_pydantic(kind):
        raise ValueError(
            f"data has a value of type {kind.__name__}, which JSON cannot represent"
        )
    try:
        return model.model_dump(mode="json", by_alias=True, warnings="error")
    except ValueError as error:
        raise ValueError(f"data: {' '.join(str(error).split())}") from None


def _validated(kind: Any, data: object) -> Any:
    """Return data as the pydantic model that it is to be, or raise an error like msgspec's."""
    if not _is_pydantic(kind):
        raise ValueError(f"no conversion to {_name(kind)}")
    try:
        return kind.model_validate(data)
    except ValueError as error:
        first = cast("Any", error).errors()[0]
        path = ""
        for part in first["loc"]:
            path += f"[{part}]" if isinstance(part, int) else f".{part}"
        raise ValueError(f"{first['msg']} - at `${path}`") from None


def _name(kind: Any) -> str:
    return getattr(kind, "__name__", None) or repr(kind)
