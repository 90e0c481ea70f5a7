"""Typed events: data is checked before it is sent, and decoded when it is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict, cast

import pytest
from attrs import frozen
from pydantic import BaseModel, RootModel, model_validator

from inngest_rest import EventDataError, EventType, InvalidArgumentError, StoredEvent
from inngest_rest_mock import MockServer

if TYPE_CHECKING:
    from tests.conftest import Connect

AT = datetime(2026, 11, 24, 13, 42, tzinfo=UTC)


class Model(BaseModel):
    n: int
    price: Decimal = Decimal("1.50")


@dataclass
class Item:
    price: Decimal


@dataclass
class Plain:
    n: int
    items: list[Item] = field(default_factory=list[Item])
    at: datetime = AT
    tags: set[str] = field(default_factory=lambda: {"a"})
    raw: bytes = b"x"
    model: Model | None = None


@frozen
class Attrs:
    n: int
    at: datetime | None = None


class Typed(TypedDict):
    n: int
    note: NotRequired[str]


class Parcel(TypedDict):
    weight: int
    note: NotRequired[str]


class Shipped(TypedDict, total=False):
    carrier: str
    first: Parcel
    rest: list[Parcel | None]
    by_name: dict[str, Parcel]
    pair: tuple[Parcel, ...]


class Stop(TypedDict):
    at: datetime


class Route(TypedDict):
    stops: list[Stop]


class Own:
    """A class of the program's own, which is no type of payload."""


@dataclass
class WithOwn:
    own: Own


@dataclass
class Wrapped:
    parcel: Parcel


@dataclass
class Modelled:
    model: Model


class Holder(TypedDict):
    held: Modelled


PAYLOADS: list[Any] = [
    Plain(1, [Item(Decimal("1.50"))], model=Model(n=2)),
    Attrs(1, AT),
    {"n": 1, "note": "x"},
    Model(n=1),
]


def kind_of(payload: object) -> Any:
    return Typed if isinstance(payload, dict) else type(payload)


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda it: kind_of(it).__name__)
def test_what_is_sent_is_read_back_as_the_same_type(connect: Connect, payload: Any) -> None:
    client, kind = connect(transport=MockServer(v1_routes=True).transport), kind_of(payload)
    made = EventType("app/order.created", kind)
    [id] = client.send(made(payload, id="mine"))
    assert client.events.get(id, as_=kind).data == payload
    [found] = client.events.list(name=made.name, as_=kind)
    assert (found.data, type(found.data), found.id) == (payload, type(payload), "mine")
    assert found.to_dict()["data"]["n"] == 1
    assert made.read(client.events.get(id)) == found


@pytest.mark.parametrize(
    ("kind", "payload", "reason"),
    [
        (Plain, Plain("1"), "data.n: expected `int`, got `str`"),  # type: ignore[arg-type]
        (Plain, Plain(1, [Item(None)]), r"data.items\[0\].price: expected"),  # type: ignore[arg-type]
        (Plain, Attrs(1), "data must be Plain, not Attrs"),
        (Plain, Plain(1j), "type complex, which JSON cannot represent"),  # type: ignore[arg-type]
        (Attrs, Attrs("1"), "data.n: expected `int`"),  # type: ignore[arg-type]
        (Typed, {"note": "x"}, "data: object missing required field `n`"),
        (Model, Model.model_construct(n="x"), "data: .*Expected `int`"),
        (Model, {"n": 1}, "data must be Model, not dict"),
    ],
)
def test_data_of_another_type_is_refused_before_it_is_sent(
    kind: Any, payload: Any, reason: str
) -> None:
    with pytest.raises(InvalidArgumentError, match=f"^app/order.created: .*{reason}"):
        EventType("app/order.created", kind)(payload)


PARCEL = {"weight": 1, "nte": "x"}


@pytest.mark.parametrize(
    ("kind", "payload", "reason"),
    [
        (Shipped, {"carier": "c"}, "data: unknown key 'carier'"),
        (Shipped, {"carrier": "c", "carier": "c"}, "data: unknown key 'carier'"),
        (Shipped, {"x": 1}, "data: unknown key 'x'"),
        (Parcel, PARCEL, "data: unknown key 'nte'"),
        (Parcel, {"wieght": 1}, "data: object missing required field `weight`"),
        (Parcel, {"x": 1}, "data: object missing required field `weight`"),
        (Parcel, {5: 1}, "data: expected `str` - at `key` in `$`"),
        (Shipped, {"first": PARCEL}, "data.first: unknown key 'nte'"),
        (
            Shipped,
            {"rest": [None, PARCEL]},
            "data.rest[1]: unknown key 'nte'",
        ),
        (
            Shipped,
            {"by_name": {"a": PARCEL}},
            "data.by_name.a: unknown key 'nte'",
        ),
        (
            Shipped,
            {"pair": ({"weight": 1}, PARCEL)},
            "data.pair[1]: unknown key 'nte'",
        ),
        (
            Wrapped,
            Wrapped(PARCEL),  # type: ignore[arg-type]
            "data.parcel: unknown key 'nte'",
        ),
        (Holder, {"held": {"modl": 1}}, "data.held: object missing required field `model`"),
        (
            Holder,
            {"held": {"model": {"n": 1, "x": 2}}},
            "data.held.model: unknown key 'x'",
        ),
    ],
)
def test_an_unknown_key_is_refused_with_its_path(kind: Any, payload: Any, reason: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        EventType("app/order.sent", kind)(payload)
    assert str(caught.value) == f"app/order.sent: {reason}"


def test_a_value_in_another_spelling_of_its_type_is_sent_as_it_is_written() -> None:
    written = {"stops": [{"at": "2026-11-24T13:42:00+00:00"}, {"at": "2026-11-24T13:42:00Z"}]}
    assert EventType("app/order.sent", Route)(cast("Route", written)).data == written


def test_stored_data_of_a_class_that_nothing_converts_raises_with_the_path(
    connect: Connect,
) -> None:
    client = connect(transport=MockServer(v1_routes=True).transport)
    [id] = client.send({"name": "a", "data": {"own": 1}})
    with pytest.raises(EventDataError, match=r"\(a\): data.own: no conversion to Own"):
        client.events.get(id, as_=WithOwn)


@pytest.mark.parametrize("kind", [Plain, Attrs, Typed, Model])
def test_stored_data_of_another_type_raises_with_the_event(connect: Connect, kind: Any) -> None:
    client = connect(transport=MockServer(v1_routes=True).transport)
    [id] = client.send({"name": "a", "data": {"n": "x", "new": 1}})
    for read in (
        lambda: client.events.get(id, as_=kind),
        lambda: list(client.events.list(as_=kind)),
        lambda: EventType("a", kind).read(client.events.get(id)),
    ):
        with pytest.raises(EventDataError, match=r"\(a\): data.n: ") as caught:
            read()
        assert caught.value.event.data == {"n": "x", "new": 1}


class Even(BaseModel):
    n: int

    @model_validator(mode="after")
    def check(self) -> Even:
        if self.n % 2:
            raise ValueError("odd")
        return self


class Numbers(RootModel[list[int]]):
    """A model that is no object."""


@dataclass
class OfModels:
    even: Even | None = None
    numbers: Numbers | None = None


@pytest.mark.parametrize(
    ("kind", "data", "reason"),
    [
        (Even, {"n": 1}, "data: value error, odd"),
        (OfModels, {"even": {"n": 1}}, "data.even: value error, odd"),
        (OfModels, {"numbers": ["x"]}, r"data.numbers\[0\]: input should be"),
    ],
)
def test_a_reason_of_a_whole_model_has_the_path_of_the_model(
    kind: Any, data: dict[str, Any], reason: str
) -> None:
    with pytest.raises(EventDataError, match=rf"\(a\): {reason}"):
        EventType("a", kind).read(StoredEvent("1", "1", "a", data))


def test_an_id_that_is_passed_is_never_replaced() -> None:
    ids: list[Any] = [0, "", "mine"]
    assert [EventType("a", Attrs)(Attrs(1), id=id).id for id in ids] == ids


def test_a_key_that_the_type_does_not_have_is_ignored_when_reading(connect: Connect) -> None:
    client = connect(transport=MockServer(v1_routes=True).transport)
    [id] = client.send({"name": "a", "data": {"n": 1, "new": 1}})
    assert [client.events.get(id, as_=kind).data for kind in (Attrs, Model)] == [
        Attrs(1),
        Model(n=1),
    ]
    with pytest.raises(InvalidArgumentError, match="is a a"):
        EventType("b", Attrs).read(client.events.get(id))


@pytest.mark.parametrize("kind", [dict, int, 5, "Plain"])
def test_what_is_no_type_of_data_is_refused(connect: Connect, kind: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="data_type must be a dataclass"):
        EventType("a", kind)
    with pytest.raises(InvalidArgumentError, match="as_ must be a dataclass"):
        connect().events.list(as_=kind)


@dataclass
class Either:
    it: Item | Plain


@dataclass
class Undefined:
    it: Nowhere  # type: ignore[name-defined]  # noqa: F821


@pytest.mark.parametrize("kind", [Either, Undefined])
def test_a_type_that_cannot_be_converted_is_refused(connect: Connect, kind: Any) -> None:
    with pytest.raises(InvalidArgumentError, match=f"^data_type {kind.__name__} cannot be used: "):
        EventType("a", kind)
    with pytest.raises(InvalidArgumentError, match=f"^as_ {kind.__name__} cannot be used: "):
        connect().events.list(as_=kind)
