"""An answer has what was asked for, or what says most; what is left out is told."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest import InvalidArgumentError, Run, RunError, RunStatus, StoredEvent
from inngest_rest.explanation import Reason, ReasonKind
from inngest_rest.reports import SendFailure
from inngest_rest.responses import Target
from inngest_rest_tools.answer import PageInfo, Reply
from inngest_rest_tools.problems import Code, Problem
from inngest_rest_tools.projection import Projection
from inngest_rest_tools.results import Done, Sent, Started
from tests.support.traces import recorded_trace

if TYPE_CHECKING:
    from inngest_rest.record import Record

AT = datetime(2026, 11, 25, 12, 0, 0, 123_000, tzinfo=UTC)
RUN = Run(
    "01K9V2D6N9P1R7Z4W8X3Y5A0BC",
    RunStatus.FAILED,
    queued_at=AT,
    ended_at=AT + timedelta(seconds=1, microseconds=7),
    app_id="shop",
    function_id="charge",
    event_ids=("01K9V2C4B7M0Q8Y3T5R6S1D2F4",),
    error=RunError("Error", "card declined\nby the bank", "at charge\n" * 100),
)


def test_control_fields_come_before_the_data_and_what_is_null_or_empty_is_left_out() -> None:
    problem = Problem(Code.SERVER, "no")
    untrusted = ("data.id", "data.output")
    page = PageInfo(1)
    answer = Reply("runs.get", untrusted=untrusted, warnings=["w"])
    answer.add([Done(Target("a", "b"), "1")])
    answer.page = page
    failed = answer.envelope(problem)
    assert list(failed.to_dict()) == [
        *("ok", "command", "error", "warnings", "page", "untrusted", "data"),
    ]
    assert failed.to_dict()["error"] == {"code": "server", "message": "no", "retryable": False}
    assert failed.to_dict()["page"] == {"count": 1}
    assert failed.untrusted == ("data.id", "error.message")
    assert Reply("runs.get").envelope().to_dict() == {"ok": True, "command": "runs.get"}


def test_a_payload_keeps_its_nulls_and_a_record_has_none() -> None:
    event: StoredEvent = StoredEvent("1", "1", "a", {"none": None, "empty": [], "flag": False})
    assert Projection(is_whole=True).plain(event) == {
        "internal_id": "1",
        "id": "1",
        "name": "a",
        "data": {"none": None, "empty": [], "flag": False},
    }


def test_a_whole_answer_has_the_values_of_to_dict_without_what_is_null() -> None:
    def stated(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: stated(each) for key, each in value.items() if each not in (None, [], {})}
        if isinstance(value, str) and value.startswith("2026-"):
            return datetime.fromisoformat(value)
        return value

    reason = Reason(
        kind=ReasonKind.SLEEPS,
        message="it sleeps",
        is_certain=True,
        app_id="shop",
        evidence={"until": AT, "runs": 2},
    )
    records: tuple[Record, ...] = (RUN, reason, Started(Target("a", "b"), "1", run=RUN))
    for record in records:
        whole = Projection(is_whole=True).plain(record)
        assert stated(whole) == stated(record.to_dict())


def test_times_have_no_digits_that_say_nothing() -> None:
    whole = Projection(is_whole=True).plain(RUN)
    assert whole["queued_at"] == "2026-11-25T12:00:00.123Z"
    assert whole["ended_at"] == "2026-11-25T12:00:01.123007Z"
    on_the_second = Projection().plain(
        Run("1", RunStatus.QUEUED, queued_at=AT.replace(microsecond=0))
    )
    assert on_the_second["queued_at"] == "2026-11-25T12:00:00Z"


def test_a_failed_run_in_a_list_has_the_first_line_of_its_error() -> None:
    projection = Projection()
    item = projection.plain(RUN, is_item=True)
    assert item["error"] == "card declined"
    assert item["function"] == "shop/charge"
    assert "event_ids" not in item
    assert not [*projection.cutter.warnings(Reply.rests)]


def test_a_failed_run_by_itself_has_the_beginning_of_its_stack() -> None:
    projection = Projection()
    found = projection.plain(RUN)
    assert found["error"]["message"] == "card declined\nby the bank"
    assert found["error"]["stack"] == ("at charge\n" * 100)[:300]
    (warning,) = projection.cutter.warnings(Reply.rests)
    assert warning == "cut at 300 characters: error.stack; fields=* has it"
    assert Projection(is_whole=True).plain(RUN)["error"]["stack"] == "at charge\n" * 100


def test_a_trace_has_each_stack_once_and_whole_if_it_is_asked_for() -> None:
    root = recorded_trace("1.43-v2-trace-step-fails-twice")
    projection = Projection()
    text = json.dumps(projection.plain(root))
    assert text.count('"stack"') == 1
    assert text.index('"stack"') < text.index('"children"')
    (warning,) = projection.cutter.warnings(Reply.rests)
    assert warning == "cut: stacks that are the same; fields=* has it"
    whole = json.dumps(Projection(is_whole=True).plain(root))
    assert whole.count('"stack"') == json.dumps(root.to_dict()).count('"stack"') > 1


def test_fields_are_chosen_with_dots() -> None:
    projection = Projection.of("error.message,id", None, Run)
    assert projection.plain(RUN, is_item=True) == {
        "error": {"message": "card declined\nby the bank"},
        "id": RUN.id,
    }
    assert not [*projection.cutter.warnings(Reply.rests)]


def test_the_function_that_a_list_shows_can_be_chosen() -> None:
    projection = Projection.of("function,status", None, Run)
    found = projection.plain(RUN, is_item=True)
    assert list(found) == ["app_id", "function_id", "status"]


@pytest.mark.parametrize("fields", ["eror", "error.mesage", "id,error.message.x.y", "id.x"])
def test_an_unknown_field_is_refused_at_any_depth_but_in_payloads(fields: str) -> None:
    if fields in {"id,error.message.x.y", "id.x"}:  # what is below a text or a payload is unknown
        Projection.of(fields, None, Run)
        return
    with pytest.raises(InvalidArgumentError, match=r"unknown field .*did you mean"):
        Projection.of(fields, None, Run)


def test_equal_failures_are_grouped_with_their_number() -> None:
    failures = tuple(SendFailure(n, {"n": n}, "it is not JSON") for n in range(1_200))
    other = SendFailure(1_200, {}, "another")
    sent = Sent(target=Target("a", "b"), rejected=1_201, failures=(*failures, other))
    found = Projection().plain(sent)["failures"]
    assert [(it.get("count"), it["position"], it["reason"]) for it in found] == [
        (1_200, 0, "it is not JSON"),
        (1, 1_200, "another"),
    ]
    assert len(json.dumps(Projection(is_whole=True).plain(sent)["failures"])) > 50_000
