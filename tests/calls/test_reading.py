"""The tolerant reader: what it makes of responses that are not as documented."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from inngest_rest._core.calls.answers import read_model
from inngest_rest_api import models as api
from inngest_rest_api.types import UNSET, Unreadable
from tests.support.server import body_of


def is_unset(value: object) -> bool:
    return value is UNSET


def v2_run(**changes: Any) -> api.V2Run:
    body = body_of("v2-run-ok")
    body["data"] |= changes
    return read_model((api.V2RunEnvelope,), body).data


def without(key: str) -> api.V2Run:
    body = body_of("v2-run-ok")
    del body["data"][key]
    return read_model((api.V2RunEnvelope,), body).data


@pytest.mark.parametrize("kind", [api.V2RunEnvelope, api.V1Event, api.SendResult])
def test_a_documented_response_is_read_exactly(kind: Any) -> None:
    body = {
        api.V2RunEnvelope: body_of("v2-run-ok"),
        api.V1Event: body_of("v1-event")["data"],
        api.SendResult: body_of("ingest-single"),
    }[kind]
    assert read_model((kind,), body) == kind.from_dict(body)


def test_a_key_that_is_required_and_absent_or_null_is_unset() -> None:
    for run in (without("queuedAt"), v2_run(queuedAt=None)):
        assert is_unset(run.queued_at)
        assert run.id == body_of("v2-run-ok")["data"]["id"]
        assert isinstance(run.started_at, dt.datetime)


def test_a_part_that_is_required_and_absent_is_there_and_empty() -> None:
    assert is_unset(without("app").app.id)
    assert is_unset(read_model((api.V2RunEnvelope,), {"metadata": {}}).data.id)


def test_a_list_that_is_required_and_null_is_empty_and_absent_unset() -> None:
    assert read_model((api.V1RunListEnvelope,), {"data": None, "metadata": {}}).data == []
    assert is_unset(read_model((api.V1RunListEnvelope,), {"metadata": {"fetched_at": 1}}).data)


def test_a_value_that_is_not_as_documented_is_unreadable_with_its_reason() -> None:
    for key, value in (("queuedAt", "soon"), ("app", "a"), ("trigger", [])):
        run = v2_run(**{key: value})
        name = api.V2Run.FIELDS[key]
        found = getattr(run, name)
        assert isinstance(found, Unreadable)
        assert key in found.reason
        assert run.function.id == "ok"


def test_an_unknown_member_of_an_enum_is_kept() -> None:
    run = v2_run(status="PAUSED", queuedAt=None)
    assert str(run.status) == "PAUSED"


def test_added_keys_are_kept() -> None:
    run = v2_run(new={"a": 1}, queuedAt=None)
    assert run.additional_properties == {"new": {"a": 1}}


def test_items_of_a_list_are_each_read_as_far_as_possible() -> None:
    item = body_of("v2-run-ok")["data"]
    del item["queuedAt"]
    found = read_model((api.V2RunListEnvelope,), {"data": [item, item], "page": {}})
    assert [each.id for each in found.data or ()] == [item["id"]] * 2
    assert all(is_unset(each.queued_at) for each in found.data or ())


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
