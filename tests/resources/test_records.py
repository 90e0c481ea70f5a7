"""Models and reports as records: their reprs, dicts and JSON text."""

from __future__ import annotations

import inspect
import json
import math
from collections import OrderedDict
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from types import MappingProxyType
from typing import Any, NamedTuple, cast

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inngest_rest import (
    BatchReport,
    Page,
    Run,
    RunError,
    RunStatus,
    SendReport,
    explain,
    explanation,
    models,
    reports,
)
from inngest_rest.models import Job, Span
from inngest_rest.record import Record
from inngest_rest.reports import SendFailure
from tests.core.test_models import everything_recorded
from tests.hostile.invalid import bounded

AT = datetime(2026, 11, 24, 13, 42, 9, 777_000, tzinfo=UTC)
FAILED = Run("01R", RunStatus.FAILED, ended_at=AT, error=RunError("E", "no", "Traceback ..."))

CLASSES = [
    kind
    for module in (explain, explanation, models, reports)
    for _, kind in inspect.getmembers(module, attrs.has)
    if kind.__module__ == module.__name__
]


class Text(str):
    __slots__ = ()


class Moment(datetime):
    """A time of a library of its own, such as pendulum's."""


class Point(NamedTuple):
    x: object
    y: object


class Level(IntEnum):
    HIGH = 3


LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(st.characters()),  # lone surrogates as well
    st.text().map(Text),
    st.datetimes(timezones=st.sampled_from([None, UTC, timezone(timedelta(hours=2))])),
    st.just(Moment(2026, 1, 2, tzinfo=UTC)),
    st.dates(),
    st.timedeltas(),
    st.sampled_from([*RunStatus, RunStatus("unheard-of"), Level.HIGH]),
    st.binary(max_size=3),
    st.decimals(allow_nan=False),
    st.just(range(2)),
    st.just(FAILED),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.builds(Point, inner, inner),
        st.dictionaries(LEAVES, inner, max_size=3),
        st.dictionaries(LEAVES, inner, max_size=3).map(MappingProxyType),
        st.dictionaries(LEAVES, inner, max_size=3).map(OrderedDict),
    ),
    max_leaves=8,
)


def with_values(kind: type, values: list[object]) -> Record:
    """Return a record that has any values, which its class need not accept."""
    made: Any = object.__new__(kind)
    for at, field in enumerate(attrs.fields(kind)):
        object.__setattr__(made, field.name, values[at % len(values)])
    assert isinstance(made, Record)
    return made


def failure(event: Any, position: int = 0) -> SendFailure:
    return SendFailure(position, event, "refused")


@pytest.mark.parametrize("kind", CLASSES, ids=lambda it: it.__name__)
def test_every_model_and_report_is_a_record(kind: type) -> None:
    assert issubclass(kind, Record)
    assert kind.__repr__ is Record.__repr__


def test_every_recorded_model_becomes_json_with_all_its_fields() -> None:
    for each in everything_recorded():
        names = [it.name for it in attrs.fields(type(each))]
        assert list(each.to_dict()) == names
        assert json.loads(each.to_json()) == each.to_dict()


def test_a_dict_has_iso_datetimes_text_for_enums_and_each_none() -> None:
    found = FAILED.to_dict()
    assert found["ended_at"] == "2026-11-24T13:42:09.777000+00:00"
    assert datetime.fromisoformat(found["ended_at"]) == AT
    assert (found["status"], type(found["status"])) == ("failed", str)
    assert found["error"] == {"name": "E", "message": "no", "stack": "Traceback ..."}
    assert found["event_ids"] == []
    assert found["started_at"] is None


def by_isinstance(value: Any) -> Any:
    """Convert a value by what it is an instance of, as documented."""
    match value:
        case Record():
            return {name: by_isinstance(getattr(value, name)) for name in value.to_dict()}
        case Enum():
            return by_isinstance(value.value)
        case str():
            return value.encode(errors="replace").decode()
        case float():
            return value if math.isfinite(value) else str(value)
        case None | bool() | int():
            return value
        case datetime() | date():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case Mapping():
            pairs = cast("Mapping[object, object]", value).items()
            return {str(by_isinstance(key)): by_isinstance(each) for key, each in pairs}
        case list() | tuple() | range():
            return [by_isinstance(each) for each in cast("list[object]", value)]
        case _:
            return str(value)


# One of each way in which the fields of a record are read.
@pytest.mark.parametrize("kind", [Run, SendReport], ids=lambda it: it.__name__)
@settings(bounded, max_examples=150)
@given(values=st.lists(VALUES, min_size=1, max_size=6))
def test_a_value_becomes_what_its_base_class_becomes(kind: type, values: list[object]) -> None:
    made = with_values(kind, values)
    found, expected = Record.to_dict(made), by_isinstance(made)
    assert repr(found) == repr(expected)  # which tells 1 from True and 1.0
    assert json.dumps(found, allow_nan=False) == json.dumps(expected)


def test_records_within_records_are_dicts_too() -> None:
    inner = Span("2", "step", "OK", duration=timedelta(milliseconds=1_500))
    root = Span("1", "run", "OK", children=(inner,))
    assert root.to_dict()["children"][0] == inner.to_dict()
    assert inner.to_dict()["duration"] == 1.5
    assert Page((inner,), None).to_dict() == {"items": [inner.to_dict()], "next_cursor": None}
    report = SendReport(1, 1, 0, (failure({"name": ""}),))
    batch = BatchReport(range(2), ("01", None), report)
    assert batch.to_dict() == {
        "positions": [0, 1],
        "ids": ["01", None],
        "report": report.to_dict(),
        "share": None,
    }


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        (Decimal("1.5"), "1.5"),
        (b"a", "b'a'"),
        ({1: {2}, None: (3,)}, {"1": [2], "None": [3]}),
        (AT.date(), "2026-11-24"),
        ("\ud800", "?"),
    ],
)
def test_a_rejected_event_with_values_that_json_lacks_still_becomes_json(
    value: object, expected: object
) -> None:
    found = failure({"name": "a", "data": value})
    assert found.to_dict()["event"]["data"] == expected
    assert json.loads(found.to_json().encode()) == found.to_dict()


def test_an_output_that_is_nested_too_deeply_still_becomes_json() -> None:
    output: Any = None
    for _ in range(5_000):
        output = {"next": output}
    found = json.loads(Run("01R", RunStatus.COMPLETED, output=output).to_json())
    assert (found["id"], found["output"]) == ("01R", "(dict, nested too deeply)")


def test_json_may_be_indented_and_is_not_escaped() -> None:
    assert RunError("é", None).to_json() == '{"name": "é", "message": null, "stack": null}'
    assert RunError("E", None).to_json(indent=2).startswith('{\n  "name": "E",\n')


def test_a_repr_leaves_out_what_is_none() -> None:
    assert repr(Run("01R", RunStatus.RUNNING)) == (
        "Run(id='01R', status=<RunStatus.RUNNING: 'running'>, event_ids=())"
    )
    assert "error=RunError(name='E', message='no')" in repr(FAILED)
    assert repr(Job("j", AT, "edge", 0, 1)).endswith("kind='edge', attempt=0, position=1)")


def test_a_repr_has_what_is_derived_from_the_fields() -> None:
    ended = Run("01R", RunStatus.COMPLETED, started_at=AT, ended_at=AT + timedelta(seconds=2))
    assert repr(ended).endswith(f"duration={timedelta(seconds=2)!r})")


def test_an_error_of_a_run_reads_as_its_name_and_message() -> None:
    errors = RunError("E", "no"), RunError(None, "no"), RunError("E", None), RunError(None, None)
    assert [*map(str, errors)] == ["E: no", "no", "E", "an error without a message"]


def test_a_repr_abbreviates_what_is_long() -> None:
    assert len(repr(Run("01R", RunStatus.COMPLETED, output="x" * 10_000))) < 400
    report = SendReport(0, 1_000, 0, tuple(failure({}, n) for n in range(1_000)))
    assert repr(report).endswith(
        "SendFailure(position=2, reason='refused', outcome='rejected'), ... 997 more))"
    )
    assert repr(Run("01R", RunStatus.QUEUED, event_ids=("01",))).endswith("event_ids=('01',))")


def test_the_duration_of_a_run_is_known_once_it_started_and_ended() -> None:
    started = attrs.evolve(FAILED, started_at=AT - timedelta(seconds=2))
    assert started.duration == timedelta(seconds=2)
    assert FAILED.duration is None
    assert attrs.evolve(started, ended_at=None).duration is None
