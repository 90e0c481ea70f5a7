"""A parameter is read from JSON or from text as its kind says, and within its bounds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from inngest_rest import InvalidArgumentError
from inngest_rest.calls import commands
from inngest_rest_tools.parameter import Kind, Parameter, Statuses, moment
from inngest_rest_tools.parameters import arguments, in_json, parameters, read, sections

OPERATIONS = {each.command: each for each in commands()}


def parameter(kind: Kind, **more: Any) -> Parameter:
    return Parameter("it", kind, "Help.", "it", **more)


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (Kind.TEXT, "a", "a"),
        (Kind.FLAG, True, True),
        (Kind.FLAG, "TRUE", True),
        (Kind.FLAG, "false", False),
        (Kind.INTEGER, 2, 2),
        (Kind.INTEGER, "-3", -3),
        (Kind.INTEGER, 2**63 - 1, 2**63 - 1),
        (Kind.SECONDS, 2, 2),
        (Kind.SECONDS, "0.5", 0.5),
        (Kind.MOMENT, "15m", timedelta(minutes=15)),
        (Kind.OBJECT, {"a": 1}, {"a": 1}),
        (Kind.JSON, None, None),
        (Kind.JSON, [1], [1]),
    ],
)
def test_a_value_of_its_kind_is_read(kind: Kind, value: Any, expected: Any) -> None:
    found = parameter(kind).read(value)
    assert (type(found), found) == (type(expected), expected)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Kind.TEXT, 1),
        (Kind.FLAG, 1),
        (Kind.FLAG, "yes"),
        (Kind.INTEGER, True),
        (Kind.INTEGER, 1.0),
        (Kind.INTEGER, "1.5"),
        (Kind.INTEGER, 2**63),
        (Kind.SECONDS, True),
        (Kind.SECONDS, "soon"),
        (Kind.OBJECT, [1]),
    ],
)
def test_a_value_of_another_kind_is_refused(kind: Kind, value: Any) -> None:
    with pytest.raises(InvalidArgumentError, match=f"it must be of type {kind}, got"):
        parameter(kind).read(value)
    good: Any = {Kind.TEXT: "a", Kind.FLAG: True, Kind.OBJECT: {}}.get(kind, 1)
    with pytest.raises(InvalidArgumentError, match=rf"it\[1\] must be of type {kind}, got"):
        parameter(kind, is_many=True).read([good, value])


@pytest.mark.parametrize(
    ("kind", "bounds", "good", "bad", "reason"),
    [
        (Kind.INTEGER, {"least": 1}, 1, 0, "at least 1, got 0"),
        (Kind.INTEGER, {"most": 5}, 5, 6, "at most 5, got 6"),
        (Kind.SECONDS, {}, 0.1, 0, "a positive number of seconds, got 0"),
        (Kind.SECONDS, {"most": 9}, 9, 9.5, "at most 9, got 9.5"),
        (Kind.TEXT, {"is_many": True, "least": 1}, ["a"], [], "at least 1, got 0 items"),
        (Kind.TEXT, {"is_many": True, "most": 2}, ["a", "b"], ["a"] * 3, "at most 2, got 3 items"),
    ],
)
def test_a_value_and_a_number_of_values_are_within_their_bounds(
    kind: Kind, bounds: Any, good: Any, bad: Any, reason: str
) -> None:
    bounded = parameter(kind, **bounds)
    assert bounded.read(good) == good
    with pytest.raises(InvalidArgumentError, match=f"^it must be {reason}$"):
        bounded.read(bad)


def test_one_value_stands_for_a_list_of_one() -> None:
    assert parameter(Kind.TEXT, is_many=True).read("a") == ["a"]
    assert parameter(Kind.TEXT, is_many=True).read(("a", "b")) == ["a", "b"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"kind": Kind.TEXT}, {"type": "string"}),
        ({"kind": Kind.MOMENT, "default": "15m"}, {"type": "string", "default": "15m"}),
        ({"kind": Kind.JSON}, {}),
        ({"kind": Kind.SECONDS}, {"type": "number", "exclusiveMinimum": 0}),
        (
            {"kind": Kind.SECONDS, "least": 1, "most": 9},
            {"type": "number", "minimum": 1, "maximum": 9},
        ),
        ({"kind": Kind.INTEGER, "least": 0}, {"type": "integer", "minimum": 0}),
        ({"kind": Kind.FLAG, "default": False}, {"type": "boolean", "default": False}),
        ({"kind": Kind.TEXT, "choices": ("a",)}, {"type": "string", "enum": ["a"]}),
        (
            {"kind": Kind.OBJECT, "is_many": True, "least": 1, "most": 2},
            {"type": "array", "items": {"type": "object"}, "minItems": 1, "maxItems": 2},
        ),
    ],
)
def test_the_schema_of_a_parameter_has_its_type_and_its_bounds(given: Any, expected: Any) -> None:
    assert parameter(**given).schema() == {"description": "Help.", **expected}


def test_any_text_is_neither_a_choice_nor_a_path() -> None:
    given: list[dict[str, Any]] = [{}, {"choices": ("a",)}, {"is_path": True}]
    assert [parameter(Kind.TEXT, **it).is_text for it in given] == [True, False, False]
    assert [it for it in Kind if parameter(it).is_text] == [Kind.TEXT]
    assert [it for it in Kind if parameter(it).is_json] == [Kind.OBJECT, Kind.JSON]


@pytest.mark.parametrize(
    ("text", "is_chosen"),
    [
        ("failed", True),
        ("Failed", True),
        ("failed, running", True),
        ("waiting", True),
        ("failed,runing", False),
        ("failed,", False),
        ("", False),
    ],
)
def test_each_of_several_statuses_is_known_or_like_none_that_is(
    text: str, *, is_chosen: bool
) -> None:
    assert (text in Statuses(("failed", "running"))) is is_chosen


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", timedelta(seconds=90)),
        (" 2h ", timedelta(hours=2)),
        ("1w", timedelta(weeks=1)),
        ("2026-11-25T12:00:00Z", datetime(2026, 11, 25, 12, tzinfo=UTC)),
        ("2026-11-25T12:00:00+02:00", datetime(2026, 11, 25, 10, tzinfo=UTC)),
        ("2026-11-25T12:00:00", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("999999999w", None),
        ("2 h", None),
    ],
)
def test_a_moment_is_an_instant_with_a_zone_or_how_long_ago_it_was(
    text: str, expected: object
) -> None:
    if expected is not None:
        assert moment("since", text) == expected
    else:
        with pytest.raises(InvalidArgumentError, match=r"since must be .* Give an instant with a"):
            moment("since", text)


def test_what_is_null_or_left_out_has_its_default_unless_it_is_required() -> None:
    row = OPERATIONS["runs.list"]
    assert read(row, {"limit": None})["limit"] == 20
    with pytest.raises(InvalidArgumentError, match="id is missing"):
        read(OPERATIONS["runs.get"], {"id": None})
    with pytest.raises(InvalidArgumentError, match=r"unknown parameter 'limits'.*limit"):
        read(row, {"limits": 1})


def test_what_has_its_default_is_not_passed_to_the_method() -> None:
    row = OPERATIONS["runs.list"]
    values = {**read(row, {"limit": 5}), "app": None}
    assert arguments(row, values) == {"limit": 5, "order": "newest", "include_output": False}


def test_the_text_of_a_docstring_is_read_by_its_sections() -> None:
    text = "One line.\n\nArgs:\n    a: What\n        it is.\n    b: None of\n        them."
    assert sections(text, "Args") == ("One line.", {"a": "What it is.", "b": "None of them."})
    assert sections(text, "Attributes") == (text, {})
    assert in_json(" None or\n  Nones ") == "null or Nones"


@pytest.mark.parametrize(
    ("command", "positional", "required"),
    [
        ("runs.get", {"id"}, {"id"}),
        ("runs.cancel", {"ids"}, set()),
        ("runs.list", set(), set()),
        ("functions.invoke", {"app", "function"}, {"app", "function"}),
        ("runs.wait", {"ids"}, {"ids"}),
    ],
)
def test_texts_that_a_call_needs_are_positional(
    command: str, positional: set[str], required: set[str]
) -> None:
    found = parameters(OPERATIONS[command])
    assert {it.name for it in found if it.is_positional} == positional
    assert {it.name for it in found if it.is_required} == required


def test_a_list_that_is_required_is_not_empty_and_a_wait_has_a_timeout() -> None:
    events = {it.name: it for it in parameters(OPERATIONS["send_many"])}["events"]
    assert (events.is_required, events.least, events.most) == (True, 1, 5_000)
    timeout = {it.name: it for it in parameters(OPERATIONS["runs.wait"])}["timeout"]
    assert (timeout.is_required, timeout.default) == (False, 60)


@pytest.mark.parametrize(
    ("command", "has"),
    [
        ("send", {"dry_run"}),
        ("cancellations.create", {"dry_run", "confirm"}),
        ("runs.cancel", {"dry_run", "confirm"}),
        ("api", {"confirm"}),
        ("runs.list", set()),
    ],
)
def test_what_acts_on_much_is_confirmed(command: str, has: set[str]) -> None:
    assert {it.name for it in parameters(OPERATIONS[command])} & {"dry_run", "confirm"} == has
