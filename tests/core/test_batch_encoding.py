"""Encoding a whole batch gives the same events as encoding each one by itself."""

from __future__ import annotations

import itertools
import json
from collections import OrderedDict, UserDict
from datetime import UTC, datetime
from enum import IntEnum, StrEnum
from typing import Any, NamedTuple

import msgspec
import pytest

from inngest_rest import Event, InvalidEventError
from inngest_rest._core.sending import batching
from inngest_rest._local.event_json import (
    encode,
    encode_together,
)
from inngest_rest._local.limits import MAX_EVENT_BYTES

NAN, INF = float("nan"), float("inf")
TS = 1_795_543_200_000
NOW = datetime(2026, 11, 24, 18, 0, 0, 1_501, tzinfo=UTC)


class Name(StrEnum):
    PLAIN = "app/plain"


class Moment(datetime):
    """As pendulum's, or that of freezegun."""


class Millisecond(IntEnum):
    NOON = 1_795_543_200_000


class LikeEvent(NamedTuple):
    """A value with the attributes of an event, which it is not."""

    name: str = "a"
    data: Any = None
    id: str = "own"


# The other events of a batch.
PLAIN: dict[str, Any] = {
    "bare": {"name": "app/order", "data": {}},
    "with nulls": {"name": "app/order", "data": {"n": None, "x": 0.0, "l": []}, "user": {}},
    "with all": {
        "name": "app/order",
        "data": {"word": "null", "deep": [{"n": None}]},
        "id": "own",
        "user": {"id": None},
        "ts": TS,
        "v": "1",
    },
    "with a moment": {"name": "app/order", "data": {}, "ts": NOW},
    "Event with a moment": Event("app/order", {}, user={}, ts=NOW),
    "Event": Event("app/order", {"n": None}, user={"id": "u"}),
    "Event without user": Event("app/order", {}),
    "bare Event": Event("app/order"),
    "Event with all": Event("app/order", {}, id="own", user={}, ts=TS, v="1"),
}

NUMBERS: list[Any] = [NAN, INF, -INF, 1e308, -0.0, 2**64, b"x"]
NAMES: list[Any] = [None, "", 5, ["a"], "INNGEST/x", *Name]
OBJECTS: list[Any] = [None, [], "x", OrderedDict(k=1), UserDict(k=NAN)]

# One event of a batch.
ODD: list[Any] = [
    *PLAIN.values(),
    *({"name": "a", "data": {"k": each}} for each in NUMBERS),
    {"name": "a", "data": {"n": None, "k": NAN}},
    {"name": "a", "data": {"k": [None, {"x": (1, NAN)}]}},
    {"name": "a", "data": {"k": [], "e": {}, "n": None, "f": False, "z": 0, "t": ""}},
    {"name": "a", "data": {"n": None}, "user": {"k": NAN}},
    {"name": "a", "data": {}, "extra": None},
    {"name": "a", "data": {"n": None}, "extra": NAN},
    {"name": "a", "data": {1: 2}},
    {"name": "a", "data": {"k": "\ud800"}},
    {"name": "a", "data": {"pad": "x" * (MAX_EVENT_BYTES - 1_000)}},
    {"name": "a", "data": {"pad": "x" * MAX_EVENT_BYTES}},
    *({"name": each, "data": {}} for each in NAMES),
    {"data": {}},
    *({"name": "a", "data": each} for each in OBJECTS),
    *({"name": "a", "data": {}, "id": each} for each in (None, "", 7, "own", "\ud800")),
    *({"name": "a", "data": {}, "user": each} for each in OBJECTS),
    *({"name": "a", "data": {}, "ts": each} for each in (None, 1.5, True, 1, TS, 2**70, "now")),
    *({"name": "a", "data": {}, "ts": each} for each in (NOW, datetime(2026, 1, 1))),  # noqa: DTZ001
    *({"name": "a", "data": {}, "ts": each} for each in (Moment(2026, 1, 1), Millisecond.NOON)),
    {"name": "a", "data": {}, "ts": Moment(2026, 1, 1, tzinfo=UTC)},
    {"name": "a", "data": {}, "ts": datetime(1970, 1, 1, tzinfo=UTC)},
    {"name": "a", "data": {}, "ts": NOW.isoformat()},
    *({"name": "a", "data": {}, "v": each} for each in (None, 1, "1")),
    *(each(name="a", data={}) for each in (OrderedDict, UserDict)),
    *(Event("a", {"n": None, "k": each}) for each in (NAN, 1.5)),
    *(Event("a", {}, ts=each) for each in (TS, 1, NOW)),
    Event("a", {}, user={}, ts=TS),
    Event("a", {}, user={}, v="1"),
    Event("a", {}, user={"k": NAN}),
    Event("", {}),
    Event("a", {}, id=""),
    LikeEvent(data={}),
    5,
    None,
]


def one_by_one(events: list[Any]) -> tuple[list[Any], list[Any]]:
    """Return the events that are sent, and the rejected ones with their position and reason."""
    good, bad = [], []
    for position, event in enumerate(events):
        try:
            good.append(json.loads(encode(event, position)))
        except InvalidEventError as error:
            bad.append((error.position, error.reason))
    return good, bad


def together(events: list[Any]) -> tuple[list[Any], list[Any]]:
    good, bad = [], []
    for batch in batching.batches_of_events(events, len(events), lenient=True):
        good += batch.events()
        bad += [(each.position, each.reason) for each in batch.invalid]
    return good, bad


def without_made_ids(events: list[Any]) -> list[Any]:
    """Remove generated ids."""
    return [{**each, "id": each["id"] if each["id"] in {"own", ""} else "new"} for each in events]


@pytest.mark.parametrize("others", PLAIN)
def test_an_event_is_encoded_or_rejected_alike_alone_and_in_a_batch(others: str) -> None:
    for odd, place in itertools.product(ODD, (0, 5, 9)):
        events = [PLAIN[others]] * 10
        events[place] = odd
        good, bad = together(events)
        alone_good, alone_bad = one_by_one(events)
        assert bad == alone_bad, odd
        assert without_made_ids(good) == without_made_ids(alone_good), odd


@pytest.mark.parametrize("kind", PLAIN)
def test_ordinary_events_take_the_fast_path(kind: str) -> None:
    assert (encode_together([PLAIN[kind]] * 10) is None) == (kind == "bare Event")


@pytest.mark.parametrize("field", ["user", "ts", "v"])
def test_a_field_may_be_present_in_only_some_events_of_a_batch(field: str) -> None:
    full: dict[str, Any] = {"name": "a", "data": {}, "user": {}, "ts": TS, "v": "1"}
    less = {key: value for key, value in full.items() if key != field}
    assert encode_together([full, less] * 5) is not None
    assert encode_together([Event(**full), Event(**less)] * 5) is not None


def test_a_newline_that_a_value_brings_along_does_not_cut_an_event() -> None:
    data = {"k": msgspec.Raw(b'{"a":1,\n"b":[2,\n3]}')}
    for count in (1, 10):
        events = [{"name": "a", "data": data, "id": f"i{n}"} for n in range(count)]
        [batch] = batching.batches_of_events(events, count)
        assert [json.loads(each)["data"] for each in batch.texts()] == [
            {"k": {"a": 1, "b": [2, 3]}}
        ] * count


def test_encoding_does_not_change_the_events() -> None:
    events: list[Any] = [{"name": "a", "data": {"n": None}} for _ in range(10)]
    assert encode_together(events) is not None
    assert events == [{"name": "a", "data": {"n": None}}] * 10
