"""Event encoding: validate events and return their JSON text; errors have the position.

It rejects events that the server would reject (operation sendEvents), and values that JSON or the
server would silently change: NaN, integers beyond 64 bits, lone surrogates. Contract tests compare
its output with the document.

`encode` takes one event and implements every rule. `encode_together` takes a batch of ordinary
events, which msgspec checks, in a third of the time. `plain_ids` takes lines of JSON, which are
sent as they are if it finds them to be ordinary events.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, cast

import msgspec
from msgspec import UNSET, UnsetType

from inngest_rest._local.arguments import invalid
from inngest_rest._local.event_names import check_name
from inngest_rest._local.limits import MAX_EVENT_BYTES
from inngest_rest._values.json_text import decode, is_exact, repeated_key, to_builtin
from inngest_rest._values.json_text import encode as to_json
from inngest_rest._values.visible import did_you_mean, shown, type_name
from inngest_rest.errors import InvalidEventError
from inngest_rest.event import Event, EventLike, new_event_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from inngest_rest._local.event_names import NameConvention

FIELDS = frozenset({"name", "data", "id", "user", "ts", "v", "sessions", "meta"})
"""The keys of an event (schema Event), and `sessions`, which go into `meta`."""

_HOW = (
    'as by dataclasses.asdict(value), value.model_dump(mode="json") or '
    "value.tolist(), or bind its class to the event's name with EventType"
)

# Of one event (schema EventSessions).
MAX_SESSIONS = 5
MAX_SESSION_KEY_BYTES = 128
MAX_SESSION_ID_BYTES = 512

# Milliseconds of 1980-01-01 and 2100-01-01, the server's bounds (recording ingest-ts-2101).
FIRST_TS, LAST_TS = 315_532_800_000, 4_102_444_800_000


def encode(
    event: EventLike,
    position: int,
    convention: NameConvention | None = None,
    *,
    from_file: bool = False,
    needs_id: bool = True,
) -> bytes:
    """Return the event's JSON text, with an id; the event itself is not changed.

    An event from a file of JSON (`from_file`) may have any key, and integers of any size.

    Raises:
        InvalidEventError: The server would reject the event, or a part of it would be lost. The
            error has its position.
    """
    try:
        wire = wire_form(event)
        check_name(wire.get("name"), convention)
        _complete(wire, needs_id=needs_id)
        if not from_file:
            _check_keys(wire)
        text = _text_of(wire)
        if not from_file:
            _check_values(wire)
    except RecursionError:
        raise InvalidEventError(
            "not JSON: nested too deep", position=position
        ) from None
    except Exception as error:  # noqa: BLE001 - a mapping runs the caller's own code
        raise InvalidEventError(str(error), position=position) from None
    if len(text) > MAX_EVENT_BYTES:
        reason = (
            f"it is {len(text):,} bytes of JSON; the server accepts {MAX_EVENT_BYTES:,}"
        )
        raise InvalidEventError(reason, position=position)
    return text


def _check_keys(wire: dict[str, Any]) -> None:
    if not wire.keys() <= FIELDS:
        key = next(each for each in wire if each not in FIELDS)
        hint = did_you_mean(key, sorted(FIELDS))
        raise ValueError(
            f"unknown key {shown(key)}{hint}; a field for functions belongs inside 'data'"
        )


def _check_values(wire: dict[str, Any]) -> None:
    """Reject a value that JSON would silently change."""
    if is_exact(wire):
        return
    unsupported = _first_unsupported(wire)
    if unsupported:
        raise ValueError(f"not JSON: {unsupported}")


def _text_of(wire: dict[str, Any]) -> bytes:
    """Return the JSON text, or raise ValueError that names what cannot be in it."""
    try:
        return to_json(wire)
    except RecursionError:
        raise
    except Exception as error:  # noqa: BLE001 - a tzinfo runs the caller's own code
        raise ValueError(f"not JSON: {_first_unsupported(wire) or error}") from None


def each_event(events: EventLike | Iterable[EventLike]) -> Iterable[EventLike]:
    """Return an iterable of events for a single event or several."""
    if isinstance(events, Event | Mapping):
        return [cast("EventLike", events)]
    if isinstance(events, str | bytes) or not isinstance(events, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise invalid(
            "events",
            f"must be an Event, a mapping or an iterable of them, not {type_name(events)}",
            how='An event is Event("shop/order.created", {"id": 1}).',
        )
    return events


def wire_form(event: EventLike) -> dict[str, Any]:
    """Return the fields of an event in a new dict."""
    if isinstance(event, Event):
        wire: dict[str, Any] = {"name": event.name, "data": event.data, "id": event.id}
        if event.user is not None:
            wire["user"] = event.user
        if event.ts is not None:
            wire["ts"] = event.ts
        if event.v is not None:
            wire["v"] = event.v
        if event.meta is not None:
            wire["meta"] = event.meta
        if event.sessions is not None:
            wire["sessions"] = event.sessions
        return wire
    if isinstance(event, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        return {**event}
    raise TypeError(f"an event is an Event or a mapping, not {type_name(event)}")


def _complete(wire: dict[str, Any], *, needs_id: bool) -> None:
    """Validate and convert each field but the name, and add an id."""
    wire["data"] = _object("data", wire.get("data"))
    if needs_id and wire.get("id") in (None, ""):
        wire["id"] = new_event_id()
    for field in wire.keys() & {"user", "ts", "v", "id"}:
        if wire[field] is None:
            del wire[field]
    if "user" in wire:
        wire["user"] = _object("user", wire["user"])
    if "ts" in wire:
        wire["ts"] = _milliseconds(wire["ts"])
    for field in "id", "v":
        if field in wire and not isinstance(wire[field], str):
            raise TypeError(f"{field} must be text, not {type_name(wire[field])}")
    if not wire.keys().isdisjoint(("sessions", "meta")):
        wire |= _meta(wire.pop("sessions", None), wire.pop("meta", None))


def _meta(sessions: object, meta: object) -> dict[str, Any]:
    """Return the field `meta` of an event, with its sessions checked; nothing if it has none."""
    checked = _object("meta", meta)
    if sessions is not None:
        if "sessions" in checked:
            raise ValueError("sessions are given twice: as sessions, and in meta")
        checked = {**checked, "sessions": sessions}
    if checked.get("sessions") is not None:
        checked = {**checked, "sessions": check_sessions(checked["sessions"])}
    return {"meta": checked} if checked else {}


def check_sessions(sessions: object) -> dict[str, Any]:
    """Return the sessions of an event, or raise what a server would refuse about them."""
    checked = _object("sessions", sessions)
    present = [key for key in checked if checked[key] is not None]
    if len(present) > MAX_SESSIONS:
        raise ValueError(f"sessions has {len(present)} keys; a server takes 5")
    for key, id in checked.items():
        _check_session(key, id)
    return checked


def _check_session(key: object, id: object) -> None:
    if not isinstance(key, str) or not 0 < len(key.encode()) <= MAX_SESSION_KEY_BYTES:
        raise ValueError(
            f"sessions: the key {shown(key)} is not text of 1 to 128 bytes"
        )
    if id is None:
        return
    is_number = isinstance(id, int | float) and not isinstance(id, bool)
    if not is_number and not isinstance(id, str):
        raise TypeError(f"sessions.{key} must be text or a number, not {type_name(id)}")
    if not 0 < len(str(id).encode()) <= MAX_SESSION_ID_BYTES:
        raise ValueError(f"sessions.{key} is not an id of 1 to 512 bytes")


def _object(name: str, value: object) -> dict[str, Any]:
    if value is None:
        return {}
    if isinstance(value, dict):
        return cast("dict[str, Any]", value)
    if isinstance(value, Mapping):
        return {**cast("Mapping[str, Any]", value)}
    what = f"{name} must be a JSON object, not {type_name(value)}"
    is_json = isinstance(value, str | int | float | list)  # as in a file
    raise TypeError(what if is_json else f"{what}: pass a dict made of it, {_HOW}")


def _milliseconds(ts: object) -> int:
    if isinstance(ts, datetime):
        if ts.utcoffset() is None:
            raise ValueError(
                "ts must be an aware datetime: without a zone it is ambiguous; pass "
                "ts.astimezone() if it is local time, or ts.replace(tzinfo=timezone.utc)"
            )
        ts = since_1970(ts)
    if not isinstance(ts, int) or isinstance(ts, bool):
        raise TypeError(
            f"ts must be a datetime or integer milliseconds, not {type_name(ts)}; pass "
            "round(seconds * 1000), or datetime.fromisoformat(text)"
        )
    if not FIRST_TS <= ts <= LAST_TS:
        hint = "; it counts milliseconds, not seconds" if 0 < ts < FIRST_TS else ""
        raise ValueError(f"ts {ts} is not between 1980 and 2100{hint}")
    return int(ts)


def since_1970(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000)


_Ts = Annotated[int, msgspec.Meta(ge=FIRST_TS, le=LAST_TS)]


class _Row(msgspec.Struct, gc=False, omit_defaults=True, forbid_unknown_fields=True):
    """An ordinary event of a batch: made and written in less time than a dict is copied.

    Data and users are not copied, so their types and values are checked apart.
    """

    name: str
    data: Any
    id: str | None = None
    user: Any = None
    ts: _Ts | datetime | None = None
    v: str | None = None
    # Events of sessions are checked one by one.
    sessions: None = None
    meta: None = None


_rows_of = functools.partial(
    msgspec.convert,
    type=list[_Row],
    from_attributes=True,  # of an `Event`
    builtin_types=(datetime,),  # no text is one
)


def encode_together(
    events: Sequence[EventLike], convention: NameConvention | None = None
) -> bytes | None:
    """Return the body of a batch, with ids, or None if any event is unusual.

    Only certainly valid events pass. Either all have an id or none.
    """
    if not {Event, dict}.issuperset(map(type, events)):
        return None
    try:
        rows = _rows_of(events)
        if not _are_ordinary(rows, convention):
            return None
        _complete_together(rows)
        body = to_json(rows)
    except Exception:  # noqa: BLE001 - invalid, nested too deep, or a tzinfo's own code failed
        return None
    # If all together are below the limit for one event, none exceeds it.
    return body if len(body) <= MAX_EVENT_BYTES else None


def _are_ordinary(rows: list[_Row], convention: NameConvention | None) -> bool:
    """Return whether nothing has to be said about any of these events, which have valid types."""
    data = [row.data for row in rows]
    users = [row.user for row in rows if row.user is not None]
    ids = {row.id for row in rows}
    return (
        {dict}.issuperset(map(type, data))
        and {dict}.issuperset(map(type, users))
        and (ids == {None} or ids.isdisjoint((None, "")))
        and _are_usual({row.name for row in rows}, convention)
        and is_exact([data, users])
    )


def _complete_together(rows: list[_Row]) -> None:
    """Add ids to events without, and convert their times; raise ValueError if one is invalid."""
    if rows and rows[0].id is None:
        prefix = new_event_id()
        for row, suffix in zip(rows, _suffixes(), strict=False):
            row.id = prefix + suffix
    for row in rows:
        if isinstance(row.ts, datetime):
            row.ts = _milliseconds(row.ts)


@functools.cache
def _suffixes() -> Sequence[str]:
    """Return the 10,000 suffixes that turn one random id into the ids of a batch."""
    return [f"{number:04d}" for number in range(10_000)]


def _are_usual(names: set[str], convention: NameConvention | None) -> bool:
    """Return whether events may have these names, and nothing has to be said about any."""
    return all(map(_is_free, names)) and (
        convention is None or convention.allows(names)
    )


def _is_free(name: str) -> bool:
    """Return whether a name is neither empty nor reserved by the platform."""
    return bool(name) and name[:8].lower() != "inngest/"


class _PlainEvent(msgspec.Struct, gc=False):
    """An event of a line that can be sent as it is: with the fields it must have, and valid others.

    Values are decoded though nobody uses them: a number may be too large for any server.
    """

    name: str
    data: dict[str, Any]
    id: Annotated[str, msgspec.Meta(min_length=1)] | UnsetType = UNSET
    user: dict[str, Any] | UnsetType = UNSET
    ts: _Ts | UnsetType = UNSET
    v: str | UnsetType = UNSET
    # An event of sessions is no plain one: these are checked.
    sessions: None = None
    meta: None = None


class _KnownEvent(_PlainEvent, gc=False, forbid_unknown_fields=True):
    """The same with no other key, whose value would be skipped instead of decoded."""


_decode_known = msgspec.json.Decoder(_KnownEvent).decode
_decode_plain = msgspec.json.Decoder(_PlainEvent).decode


def plain_ids(
    lines: Sequence[bytes], convention: NameConvention | None = None
) -> list[str | UnsetType] | None:
    """Return the id of the event of each line, UNSET if it has none.

    None if any line cannot be sent as it is: its event is unusual, or it is no JSON.
    """
    try:
        events = _plain_events(lines)
    except (ValueError, RecursionError):
        return None
    if not _are_usual({event.name for event in events}, convention):
        return None
    return [event.id for event in events]


def _plain_events(lines: Sequence[bytes]) -> Sequence[_PlainEvent]:
    """Return the events of lines; raise ValueError if any is unusual, or no JSON."""
    try:
        return list(map(_decode_known, lines))
    except msgspec.ValidationError:
        for line in lines:
            decode(line)
        return list(map(_decode_plain, lines))


# Only asked of events about to be rejected, so speed does not matter.


def _first_unsupported(value: Any, path: str = "") -> str | None:
    """Return the path of the first value that JSON cannot represent, the reason and a remedy."""
    for part_path, part in _parts(value, path):
        unsupported = _first_unsupported(part, part_path)
        if unsupported:
            return unsupported
    place = path or "the event"
    try:
        to_json(value)
    except Exception as error:  # noqa: BLE001 - a mapping runs the caller's own code
        return f"{place} {_reason(value, error)}"
    if isinstance(value, dict):
        key = repeated_key(cast("dict[object, object]", value))
        if key is None:
            return None
        return f"{place} has two keys that both become {shown(key)} in JSON"
    if isinstance(value, list | tuple):
        return None
    # The plain value of an enum member, a set or a dataclass.
    plain: Any = msgspec.to_builtins(value, enc_hook=to_builtin)
    if isinstance(plain, dict | list):
        return _first_unsupported(plain, path)
    return _unsupported_number(plain, path)


def _unsupported_number(value: object, path: str) -> str | None:
    if isinstance(value, float) and not math.isfinite(value):
        return f"{path} is NaN or infinite, which JSON cannot represent"
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return f"{path} cannot be encoded: the integer exceeds 64 bits"
    return None


def _parts(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield the values in a dict or a list, each with its path."""
    if isinstance(value, dict):
        for key, part in cast("dict[object, object]", value).items():
            yield f"{path}.{key}".removeprefix("."), part
    elif isinstance(value, list | tuple):
        for position, part in enumerate(cast("Sequence[object]", value)):
            yield f"{path}[{position}]", part


def _reason(value: object, error: Exception) -> str:
    if isinstance(value, dict):
        key = _first_unsupported_key(cast("dict[object, object]", value))
        return f"has the key {shown(key)}, which cannot be text"
    if not isinstance(error, NotImplementedError):
        return f"cannot be encoded: {str(error) or type(error).__name__}"
    what = f"is of type {type_name(value)}, which JSON cannot represent"
    return f"{what}: pass text, a number, a list or a dict made of it, {_HOW}"


def _first_unsupported_key(value: dict[object, object]) -> object:
    """Return the first key that cannot be text: the only one, or one that fails alone."""
    for key in value:
        if len(value) == 1 or _first_unsupported({key: None}):
            return key
    return None
