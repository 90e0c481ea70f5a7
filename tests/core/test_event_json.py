"""Event encoding: an event becomes JSON, or is rejected with its position and the reason."""

from __future__ import annotations

import json
import multiprocessing
from array import array
from collections import OrderedDict, UserDict, defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest
from attrs import frozen
from pydantic import BaseModel

from inngest_rest import Event, InvalidArgumentError, InvalidEventError
from inngest_rest._local.event_json import encode, encode_together
from inngest_rest._local.limits import MAX_EVENT_BYTES
from inngest_rest.event import Sessions, new_event_id

NAN, INF = float("nan"), float("inf")


def wire(event: Any) -> Any:
    return json.loads(encode(event, 0))


def refusal(event: Any) -> str:
    with pytest.raises(InvalidEventError) as caught:
        encode(event, 7)
    assert caught.value.position == 7
    assert str(caught.value) == f"event 7: {caught.value.reason}"
    return caught.value.reason


def test_given_fields_are_encoded_unchanged() -> None:
    moment = datetime(2026, 11, 24, 18, 0, tzinfo=UTC)
    event = Event("a/b", {"k": [1, None, "ü"]}, id="mine", user={"id": 5}, ts=moment, v="1")
    expected = {
        "name": "a/b",
        "data": {"k": [1, None, "ü"]},
        "id": "mine",
        "user": {"id": 5},
        "ts": 1_795_543_200_000,
        "v": "1",
    }
    assert wire(event) == expected
    assert wire({**expected, "ts": moment}) == expected


def test_absent_fields_are_not_encoded() -> None:
    assert wire(Event("a", id="i")) == {"name": "a", "data": {}, "id": "i"}
    empty = {"name": "a", "data": None, "user": None, "ts": None, "v": None, "id": None}
    assert wire(empty).keys() == {"name", "data", "id"}


def test_a_mapping_is_not_changed_and_gets_an_id_each_time() -> None:
    event = {"name": "a", "data": None, "user": None, "ts": datetime.now(UTC)}
    before = dict(event)
    first, second = wire(event), wire(event)
    assert event == before
    assert first["id"] != second["id"]


def test_an_event_keeps_its_id() -> None:
    event = Event("a")
    assert wire(event)["id"] == wire(event)["id"] == event.id


class Name(StrEnum):
    PAID = "app/paid"


@pytest.mark.parametrize("kind", [dict, OrderedDict, UserDict, MappingProxyType])
def test_any_mapping_is_an_event_and_data(kind: Any) -> None:
    assert wire(kind({"name": "a", "data": kind({"k": 1}), "id": "i"}))["data"] == {"k": 1}


def test_a_string_enum_is_accepted_as_text() -> None:
    as_event = Event(Name.PAID, id=Name.PAID, v=Name.PAID)
    as_mapping = dict.fromkeys(("name", "id", "v"), Name.PAID)
    for event in (as_event, as_mapping):
        assert {wire(event)[field] for field in as_mapping} == {"app/paid"}


@pytest.mark.parametrize("name", ["", None, 5, b"a", ["a"]])
def test_a_name_that_is_not_text_is_rejected(name: Any) -> None:
    assert "name must be text and not empty" in refusal({"name": name})
    assert "name must be text and not empty" in refusal(Event(name))


def test_an_event_without_a_name_is_rejected() -> None:
    assert "name must be text" in refusal({"data": {}})


@pytest.mark.parametrize("name", ["inngest/", "inngest/x", "INNGEST/x", "Inngest/function.failed"])
def test_a_reserved_name_is_rejected_in_any_case(name: str) -> None:
    assert "reserved" in refusal({"name": name})


@pytest.mark.parametrize("name", ["inngest", "inngestx/y", "my-inngest/x", "i", " inngest/x"])
def test_a_name_that_only_resembles_a_reserved_one_is_accepted(name: str) -> None:
    assert wire({"name": name})["name"] == name


@pytest.mark.parametrize("field", ["data", "user"])
@pytest.mark.parametrize("value", [[], "text", 5, 1.5, True, [("k", 1)]])
def test_data_and_user_that_are_not_objects_are_rejected(field: str, value: Any) -> None:
    said = refusal({"name": "a", field: value})
    assert said == f"{field} must be a JSON object, not {type(value).__name__}"


@pytest.mark.parametrize("field", ["id", "v"])
@pytest.mark.parametrize("value", [5, 0, False, b"x", ["x"]])
def test_id_and_v_that_are_not_text_are_rejected(field: str, value: Any) -> None:
    said = refusal({"name": "a", field: value})
    assert said == f"{field} must be text, not {type(value).__name__}"


@pytest.mark.parametrize("event", [None, 5, "app/x", ["app/x"], object()])
def test_a_value_that_is_neither_event_nor_mapping_is_rejected(event: Any) -> None:
    assert f"not {type(event).__name__}" in refusal(event)


class Limit(Enum):
    NONE = INF


@pytest.mark.parametrize("number", [NAN, INF, -INF, Limit.NONE])
@pytest.mark.parametrize(
    ("place", "path"),
    [
        (lambda it: {"data": {"k": it}}, "data.k"),
        (lambda it: {"data": {"a": None, "b": it}}, "data.b"),
        (lambda it: {"data": {"k": [None, {"x": (0, it)}]}}, r"data.k\[1\].x\[1\]"),
        (lambda it: {"data": {"k": defaultdict(int, {"x": it})}}, "data.k.x"),
        (lambda it: {"user": {"k": it}}, "user.k"),
        (lambda it: {"meta": {"k": it}}, "meta.k"),
    ],
)
def test_a_non_finite_number_is_rejected_and_its_path_is_named(
    number: Any, place: Any, path: str
) -> None:
    with pytest.raises(InvalidEventError, match=f"{path} is NaN or infinite"):
        encode({"name": "a", **place(number)}, 0)


def test_what_json_cannot_represent_is_named_within_a_tuple() -> None:
    data = {"k": (1, [2j])}
    said = refusal({"name": "a", "data": data})
    assert said.startswith("not JSON: data.k[1][0] is of type complex")


def test_nulls_and_the_word_null_are_accepted() -> None:
    data = {"a": None, "b": [None, 1.5, {"c": None}], "null": "null", "d": (1, 2.5), "e": True}
    assert wire({"name": "a", "data": data})["data"] == {**data, "d": [1, 2.5]}


@dataclass
class Point:
    x: float


@pytest.mark.parametrize(
    "value",
    [2**64, -(2**63) - 1, "\ud800", {None: 2}, {"\ud800": 1}, {1, NAN}, object, 1j, Point(NAN)],
    ids=range(9),  # of a set, the repr has no order
)
def test_a_value_that_json_cannot_represent_is_rejected(value: Any) -> None:
    assert refusal({"name": "a", "data": {"k": value}}).startswith("not JSON: ")


@frozen
class Amount:
    cents: int


class Order(BaseModel):
    id: int


class Pair(NamedTuple):
    left: int


@pytest.mark.parametrize("value", [Point(1), Amount(1), Order(id=1), Pair(1), array("i", [1])])
def test_data_of_a_class_is_rejected_with_how_to_convert_it(value: Any) -> None:
    kind = type(value).__name__
    for event in (Event("a", value), {"name": "a", "data": value}):
        said = refusal(event)
        assert said.startswith(
            f"data must be a JSON object, not {kind}: pass a dict made of it, as by "
        )


@pytest.mark.parametrize("value", [Order(id=1), array("i", [1]), 1j, Point, Decimal])
def test_a_value_to_convert_first_is_rejected_with_its_path_and_how_to_convert_it(
    value: Any,
) -> None:
    said = refusal({"name": "a", "data": {"ok": [1, None], "items": [{"k": 1}, {"k": value}]}})
    kind = f"of type {type(value).__name__}, which JSON cannot represent"
    assert said.startswith(f"not JSON: data.items[1].k is {kind}: pass text, a number, ")


def test_a_type_with_the_name_of_a_built_in_one_is_named_with_its_module() -> None:
    value = type("bool", (), {"__module__": "numpy"})()
    assert "data.x is of type numpy.bool, which JSON" in refusal(
        {"name": "a", "data": {"x": value}}
    )
    assert "not numpy.bool: pass a dict" in refusal({"name": "a", "data": value})


class Text(str):
    __slots__ = ()


class Whole(int):
    pass


class Part(float):
    pass


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (Decimal("1.50"), "1.50"),
        (b"x", "eA=="),
        ({1}, [1]),
        (timedelta(minutes=1), "PT60S"),
        (Point(1.5), {"x": 1.5}),
        (Amount(1), {"cents": 1}),
        (Pair(1), [1]),
        ({1: 2}, {"1": 2}),
        (Text("x"), "x"),
        (Whole(2**63), 2**63),
        (Part(1.5), 1.5),
    ],
    ids=repr,
)
def test_other_values_are_written_in_the_nearest_types_of_json(value: Any, written: Any) -> None:
    assert wire({"name": "a", "data": {"k": value, "n": None}})["data"]["k"] == written


def test_a_value_that_cannot_be_encoded_is_rejected_with_its_path() -> None:
    said = refusal(Event("a", {"a": {"b": 1, None: 2}}))
    assert "data.a has the key None, which cannot be text" in said
    assert "data.a[0] cannot be encoded: " in refusal(Event("a", {"a": [2**64]}))


class Number(Enum):
    ONE = "1"


@dataclass
class Counts:
    by_year: dict[Any, int]


@pytest.mark.parametrize(
    ("data", "where"),
    [
        ({1: "a", "1": "b"}, "data"),
        ({"a": [{"b": {1.5: "a", "1.5": "b"}}]}, "data.a[0].b"),
        ({"a": {Number.ONE: "a", "1": "b"}}, "data.a"),
        ({"a": Counts({2026: 1, "2026": 2})}, "data.a.by_year"),
        ({"a": {date(2026, 11, 30): 1, "2026-11-30": 2}}, "data.a"),
    ],
    ids=repr,
)
def test_two_keys_of_one_text_are_rejected_as_json_would_lose_a_value(
    data: dict[Any, Any], where: str
) -> None:
    event = {"name": "a", "data": data}
    said = refusal(event)
    assert encode_together([event] * 8) is None
    assert said.startswith(f"not JSON: {where} has two keys that both become '")


def test_keys_that_are_no_text_are_written_as_text() -> None:
    data: dict[Any, Any] = {1: "a", "2": {1.5: "b", date(2026, 11, 30): "c"}}
    assert wire({"name": "a", "data": data})["data"] == {
        "1": "a",
        "2": {"1.5": "b", "2026-11-30": "c"},
    }


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("dta", "did you mean 'data'?"),
        ("Name", "did you mean 'name'?"),
        ("usr", "did you mean 'user'?"),
        ("order_id", "belongs inside 'data'"),
        (5, "belongs inside 'data'"),
    ],
)
def test_an_unknown_key_is_rejected_with_the_nearest_name(key: Any, hint: str) -> None:
    events: list[Any] = [
        {"name": "a", key: {"k": 1}},
        {"name": "a", "data": {}, "id": "i", key: None},
    ]
    for event in events:
        said = refusal(event)
        assert said.startswith(f"unknown key {key!r}")
        assert hint in said
        assert encode_together([event] * 8) is None


@pytest.mark.parametrize(
    "value", [2**63, 2**64 - 1, -(2**63), 1e308, "😀", "\0", "\u2028"], ids=repr
)
def test_a_value_that_json_can_represent_is_encoded(value: Any) -> None:
    assert wire({"name": "a", "data": {"k": value}})["data"]["k"] == value


@pytest.mark.parametrize("field", ["name", "id", "v"])
def test_a_lone_surrogate_is_rejected_in_any_field(field: str) -> None:
    assert "surrogate" in refusal({"name": "a", field: "a\udfff"})


FIRST, LAST = datetime(1980, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ts", "milliseconds"),
    [
        (FIRST, 315_532_800_000),
        (LAST, 4_102_444_800_000),
        (315_532_800_000, 315_532_800_000),
        (datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=1))), 1_767_225_600_000),
        (datetime(2026, 1, 1, 0, 0, 0, 1_400, tzinfo=UTC), 1_767_225_600_001),
    ],
)
def test_ts_is_encoded_in_milliseconds(ts: Any, milliseconds: int) -> None:
    assert wire(Event("a", ts=ts))["ts"] == milliseconds


@pytest.mark.parametrize(
    ("ts", "reason"),
    [
        (FIRST - timedelta(milliseconds=1), "not between 1980 and 2100"),
        (LAST + timedelta(milliseconds=1), "not between 1980 and 2100"),
        (315_532_799_999, "not between"),
        (4_102_444_800_001, "not between"),
        (2**63, "not between"),
        (0, "not between 1980 and 2100"),
        (-1, "not between 1980 and 2100"),
        (1_795_543_200, "milliseconds, not seconds"),
        (datetime(2026, 1, 1), "aware datetime"),  # noqa: DTZ001
        (1_795_543_200_000.0, "not float"),
        (True, "not bool"),
        ("2026-01-01T00:00:00Z", "not str"),
    ],
    ids=repr,
)
def test_ts_out_of_range_is_rejected(ts: Any, reason: str) -> None:
    assert reason in refusal(Event("a", ts=ts))


def test_the_hint_at_seconds_is_given_only_for_seconds() -> None:
    assert "seconds" not in refusal(Event("a", ts=-5))
    assert "seconds" not in refusal(Event("a", ts=2**62))


def test_an_event_of_3_mib_is_encoded_and_one_byte_more_is_rejected() -> None:
    empty = len(encode({"name": "a", "id": "i", "data": {"k": ""}}, 0))
    fits = {"name": "a", "id": "i", "data": {"k": "x" * (MAX_EVENT_BYTES - empty)}}
    assert len(encode(fits, 0)) == MAX_EVENT_BYTES == 3_145_728
    fits["data"] = {"k": "ü" + "x" * (MAX_EVENT_BYTES - empty - 1)}
    assert refusal(fits) == "it is 3,145,729 bytes of JSON; the server accepts 3,145,728"


def test_an_invalid_event_is_an_invalid_argument() -> None:
    assert issubclass(InvalidEventError, InvalidArgumentError)
    assert issubclass(InvalidArgumentError, ValueError)


def test_ids_are_unique_and_sort_in_the_order_they_were_made() -> None:
    ids = [new_event_id() for _ in range(10_000)]
    assert ids == sorted(set(ids))
    assert {len(each) for each in ids} == {32}


def _ids(queue: Any) -> None:
    queue.put([new_event_id() for _ in range(3)])


# A thread of an earlier test may be about to end.
@pytest.mark.filterwarnings("ignore:This process")
def test_a_forked_child_generates_different_ids() -> None:
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    child = context.Process(target=_ids, args=(queue,))
    child.start()
    theirs = queue.get()
    child.join()
    ours = [new_event_id() for _ in range(3)]
    tag = slice(12, 22)
    assert {each[tag] for each in theirs}.isdisjoint(each[tag] for each in ours)


def test_an_event_that_was_json_may_have_keys_that_no_event_has() -> None:
    event = {"name": "a", "note": 1}
    assert json.loads(encode(event, 0, from_file=True)).items() >= event.items()
    assert "note" in refusal(event)


CHAT: Sessions = {"chat": "c-1", "user": 7, "gone": None}


@pytest.mark.parametrize(
    "event",
    [
        Event("a", sessions=CHAT),
        Event("a", meta={"sessions": CHAT}),
        {"name": "a", "sessions": CHAT},
        {"name": "a", "meta": {"sessions": CHAT}},
    ],
    ids=["event", "meta", "mapping", "mapping with meta"],
)
def test_sessions_go_into_meta_alone_or_in_a_batch(event: Any) -> None:
    sent = wire(event)
    assert sent["meta"] == {"sessions": CHAT}
    assert "sessions" not in sent
    assert encode_together([event, event]) is None, "each is checked"


def test_an_event_without_sessions_has_no_meta() -> None:
    assert "meta" not in wire(Event("a", meta={}))
    assert "meta" not in wire({"name": "a", "sessions": None, "meta": None})


@pytest.mark.parametrize(
    ("sessions", "reason"),
    [
        ({str(number): "s" for number in range(6)}, "6 keys; a server takes 5"),
        ({"": "s"}, "the key '' is not text of 1 to 128 bytes"),
        ({"é" * 65: "s"}, "is not text of 1 to 128 bytes"),
        ({5: "s"}, "the key 5 is not text"),
        ({"chat": ""}, "sessions.chat is not an id of 1 to 512 bytes"),
        ({"chat": "é" * 257}, "sessions.chat is not an id of 1 to 512 bytes"),
        ({"chat": True}, "sessions.chat must be text or a number, not bool"),
        ({"chat": ["s"]}, "sessions.chat must be text or a number, not list"),
        ({"chat": float("nan")}, "meta.sessions.chat is NaN"),
        (["chat"], "sessions must be a JSON object, not list"),
    ],
)
def test_sessions_that_a_server_would_refuse_are_rejected(sessions: Any, reason: str) -> None:
    assert reason in refusal(Event("a", sessions=sessions))
    assert reason in refusal({"name": "a", "meta": {"sessions": sessions}})


def test_sessions_at_the_limits_are_sent() -> None:
    most = {"k" * 127 + str(number): "i" * 512 for number in range(5)}
    sent = wire(Event("a", sessions={**most, "gone": None}))
    assert sent["meta"]["sessions"] == {**most, "gone": None}


def test_sessions_that_are_given_twice_are_rejected() -> None:
    event = Event("a", sessions={"a": "b"}, meta={"sessions": {"a": "c"}})
    assert "given twice" in refusal(event)
