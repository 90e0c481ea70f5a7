"""The tolerant reader: what it makes of responses that are not as documented."""

from __future__ import annotations

import datetime as dt
from operator import attrgetter
from typing import Any

import pytest

from inngest_rest._core.calls.answers import read_model
from inngest_rest_api import models as api
from inngest_rest_api.types import UNSET, Unreadable
from tests.support.server import body_of

RUN = body_of("v2-run-ok")["data"]


def read_run(**changes: Any) -> Any:
    """Read a recorded run with other values in it; `UNSET` leaves a key out."""
    changed = {key: value for key, value in {**RUN, **changes}.items() if value is not UNSET}
    run = read_model((api.V2RunEnvelope,), {**body_of("v2-run-ok"), "data": changed}).data
    assert run.id == RUN["id"]
    return run


@pytest.mark.parametrize("kind", [api.V2RunEnvelope, api.V1Event, api.SendResult])
def test_a_documented_response_is_read_exactly(kind: Any) -> None:
    body = {
        api.V2RunEnvelope: body_of("v2-run-ok"),
        api.V1Event: body_of("v1-event")["data"],
        api.SendResult: body_of("ingest-single"),
    }[kind]
    assert read_model((kind,), body) == kind.from_dict(body)


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({"queuedAt": UNSET}, "queued_at", UNSET),
        ({"queuedAt": None}, "queued_at", UNSET),
        ({"queuedAt": None, "status": "PAUSED"}, "status", "PAUSED"),
        ({"queuedAt": None, "new": {"a": 1}}, "additional_properties", {"new": {"a": 1}}),
        ({"app": UNSET}, "app.id", UNSET),
    ],
    ids=["absent", "null", "an unknown member of an enum", "an added key", "an absent part"],
)
def test_a_key_that_is_missing_or_new_leaves_the_others_as_they_are(
    changes: dict[str, Any], field: str, value: object
) -> None:
    run = read_run(**changes)
    assert attrgetter(field)(run) == value
    assert isinstance(run.started_at, dt.datetime)


@pytest.mark.parametrize(("key", "value"), [("queuedAt", "soon"), ("app", "a"), ("trigger", [])])
def test_a_value_that_is_not_as_documented_is_unreadable_with_its_reason(
    key: str, value: object
) -> None:
    run = read_run(**{key: value})
    found = getattr(run, api.V2Run.FIELDS[key])
    assert isinstance(found, Unreadable)
    assert key in found.reason
    assert run.function.id == "ok"


def test_a_list_that_is_required_and_null_is_empty_and_absent_unset() -> None:
    assert read_model((api.V1RunListEnvelope,), {"data": None, "metadata": {}}).data == []
    absent: Any = read_model((api.V1RunListEnvelope,), {"metadata": {"fetched_at": 1}})
    assert absent.data is UNSET
    envelope: Any = read_model((api.V2RunEnvelope,), {"metadata": {}})
    assert envelope.data.id is UNSET


def test_items_of_a_list_are_each_read_as_far_as_possible() -> None:
    item = {key: value for key, value in RUN.items() if key != "queuedAt"}
    found: Any = read_model((api.V2RunListEnvelope,), {"data": [item, item], "page": {}})
    assert [(each.id, each.queued_at) for each in found.data] == [(RUN["id"], UNSET)] * 2


def test_a_bare_list_is_read() -> None:
    body = body_of("v1-app-functions")
    del body[0]["config"]
    assert [each.id for each in read_model((list[api.V1Function],), body)] == [
        it["id"] for it in body
    ]


@pytest.mark.parametrize("body", [{}, {"message": "no"}, [], [1], "text", 5, None, True])
def test_a_body_that_has_nothing_of_the_model_is_refused(body: object) -> None:
    with pytest.raises(ValueError, match="V2RunListEnvelope"):
        read_model((api.V2RunListEnvelope,), body)


def test_a_response_is_read_in_the_form_of_which_it_has_something() -> None:
    forms = (api.V1RunIdEnvelope, api.V1RunId)
    assert isinstance(read_model(forms, {"data": {"run_id": "x"}}), api.V1RunIdEnvelope)
    bare = read_model(forms, {"run_id": "x"})
    assert isinstance(bare, api.V1RunId)
    assert bare.run_id == "x"
