"""Errors of operations: what they say was done, and whether trying again is safe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from inngest_rest import (
    InngestClient,
    InvalidArgumentError,
    NotFoundError,
    RouteNotFoundError,
    Run,
    WaitTimeoutError,
)
from inngest_rest.bulk import ActionOutcome, ActionReport, ActionRow
from inngest_rest.calls import ROWS, command_for, commands
from inngest_rest.responses import RawResponse
from inngest_rest_mock import MockServer, answers, drops, loses_response
from inngest_rest_tools import calling, confirmation, tools
from inngest_rest_tools.answer import Reply
from inngest_rest_tools.form import form_of
from inngest_rest_tools.parameters import read
from inngest_rest_tools.problems import problem_of
from inngest_rest_tools.projection import Projection
from inngest_rest_tools.results import Acted
from inngest_rest_tools.running import Invocation

if TYPE_CHECKING:
    from pathlib import Path

    from inngest_rest_mock import Effect
    from inngest_rest_tools.answer import Envelope
    from inngest_rest_tools.problems import Problem
    from tests.operations.cases import World

OPERATIONS = {each.command: each for each in commands()}
NO_RUN = "01K9V2D6N9P1R7Z4W8X3Y5A0BC"


def run(world: World, operation: str, values: dict[str, Any]) -> Envelope:
    chosen = OPERATIONS[operation]
    given = read(chosen, values)
    return Invocation(row=chosen, client=world.client, values=given, is_confirmed=True).run()


def error_of(envelope: Envelope) -> Problem:
    assert envelope.error is not None
    return envelope.error


def data_of(envelope: Envelope) -> Any:
    assert envelope.data is not None
    return envelope.data


def test_advice_names_a_method_by_the_command_that_does_the_same() -> None:
    assert {row.command: command_for(row.name) for row in commands()} == OPERATIONS
    assert command_for("runs.wait") is OPERATIONS["runs.wait"]
    # Advice cannot name these, which programs do not have.
    without = {"send_and_wait", "preview", "preview_file", "health"}
    served = {each for row in commands() for each in (row.name, row.command)}
    assert {row.name for row in ROWS} - served == without


@pytest.mark.parametrize(
    ("effect", "is_safe"),
    [
        (drops(httpx.ConnectError), True),
        (answers(429), True),
        (loses_response(), False),
        (answers(500), False),
    ],
    ids=["not sent", "refused for now", "no response", "failed"],
)
@pytest.mark.parametrize(
    ("operation", "values"),
    [
        ("functions.invoke", {"app": "shop", "function": "charge"}),
        ("signals.send", {"signal": "approved"}),
        ("webhooks.create", {"name": "orders", "transform": "t"}),
    ],
)
def test_what_must_not_be_done_twice_may_be_tried_again_if_it_was_not_done(
    operation: str, values: dict[str, Any], effect: Effect, is_safe: bool, world: World
) -> None:
    world.mock.fault(effect, times=None)
    error = error_of(run(world, operation, values))
    assert error.retryable is is_safe


@pytest.mark.parametrize(
    ("operation", "path", "is_safe"),
    [("runs.cancel", "/v2/runs/*/cancel", True), ("runs.replay", "/v2/runs/*/rerun", False)],
)
def test_an_act_of_which_the_outcome_is_unknown_may_be_tried_again_if_twice_is_as_good_as_once(
    operation: str, path: str, is_safe: bool, world: World
) -> None:
    world.mock.fault(drops(httpx.ReadError), path=path, times=None)
    id = world.open_run() if operation == "runs.cancel" else world.failed_run_id
    envelope = run(world, operation, {"ids": [id]})
    error, data = error_of(envelope), data_of(envelope)
    assert data["counts"] == {"unknown": 1}
    assert (error.code, error.retryable) == ("network", is_safe)


@pytest.mark.parametrize("operation", ["runs.cancel", "runs.replay"])
def test_an_act_that_a_pause_stopped_before_it_did_anything_may_be_tried_again(
    operation: str, world: World
) -> None:
    pause = answers(429, headers={"Retry-After": "7000"})
    world.mock.fault(pause, method="POST", times=None)
    error = error_of(run(world, operation, {"ids": [world.failed_run_id]}))
    assert (error.code, error.retryable, error.retry_after) == ("rate_limited", True, 7000)


def test_what_waits_for_the_runs_of_an_event_that_starts_none_is_told_what_explains_it(
    world: World,
) -> None:
    (id,) = world.client.send({"name": "order/other"})
    error = error_of(run(world, "events.wait", {"id": id, "timeout": 5}))
    assert (error.code, error.retryable) == ("timed_out", False)
    assert str(error.hint) == "`events_explain` explains why."


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (WaitTimeoutError("not seen to have ended", run=None, was_seen=True), "It continues"),
        (WaitTimeoutError("who knows what had not ended", run=None), "There may be none: "),
        (WaitTimeoutError("it did not appear", run=None, event_id=NO_RUN), "It continues"),
    ],
)
def test_who_waited_in_vain_is_told_to_go_on_if_there_is_something_to_wait_for(
    error: WaitTimeoutError, told: str
) -> None:
    assert str(problem_of(error).hint).startswith(told)


def test_a_call_that_ends_in_its_wait_is_tried_again_only_if_that_has_no_effect_twice() -> None:
    error = WaitTimeoutError("the run has not ended", run=None)
    error.may_have_taken_effect = True  # the event was sent before
    send = OPERATIONS["send"]
    with_id, without = (read(send, {"name": "order/placed", **more}) for more in ({"id": "1"}, {}))
    assert problem_of(error, send, with_id).retryable
    assert not problem_of(error, send, without).retryable


@pytest.mark.parametrize("done", [0, 1])
def test_what_is_stopped_is_partly_done_only_if_some_of_it_was(done: int, world: World) -> None:
    ids = [world.open_run() for _ in range(2)]
    for id in ids[done:]:
        world.mock.fault(answers(401), path=f"/v2/runs/{id}/cancel", times=None)
    envelope = run(world, "runs.cancel", {"ids": ids})
    error, data = error_of(envelope), data_of(envelope)
    assert error.code == ("partial" if done else "authentication")
    assert ("1 done" in error.message) is bool(done)
    assert data["counts"].get("done", 0) == done


def test_a_dry_run_of_what_cannot_all_be_done_is_no_success(world: World) -> None:
    ids = [world.failed_run_id, NO_RUN]
    envelope = run(world, "runs.replay", {"ids": ids, "dry_run": True})
    error, data = error_of(envelope), data_of(envelope)
    assert "not all of it can be done" in error.message
    assert data["counts"] == {"planned": 1, "not_found": 1}
    assert data["confirm"]


def test_what_was_accepted_is_there_beside_what_was_not(world: World) -> None:
    refused = {"name": "order/placed", "meta": {"propagated_sessions": {"": "x"}}}
    before = len(world.mock.events)
    envelope = run(world, "send_many", {"events": [{"name": "order/placed"}, refused]})
    error, data = error_of(envelope), data_of(envelope)
    assert error.code == "partial"
    assert error.message.startswith("1 of 2 events accepted, 1 rejected, 0 unknown; first: ")
    assert str(error.hint).startswith("data.failures has each with its reason.")
    assert (data["accepted"], data["rejected"]) == (1, 1)
    assert data["ids"] == [each.internal_id for each in world.mock.events[before:]]
    assert [each["position"] for each in data["failures"]] == [1]


def test_rows_that_were_not_done_come_first(world: World) -> None:
    done, failed = ActionOutcome.DONE, ActionOutcome.FAILED
    outcomes = [done, failed, done, failed]
    rows = [ActionRow(at, NO_RUN, outcome) for at, outcome in enumerate(outcomes)]
    call = Invocation(row=OPERATIONS["runs.replay"], client=world.client, values={})
    acted = call.shown(ActionReport("runs.replay", rows))
    assert isinstance(acted, Acted)
    assert [row.position for row in acted.rows] == [1, 3, 0, 2]


def test_text_that_cannot_be_encoded_is_named_by_its_parameter() -> None:
    values = {"app": "\ud800", "status": ["failed"], "limit": 5}
    with pytest.raises(InvalidArgumentError, match="app cannot be encoded") as caught:
        read(OPERATIONS["runs.list"], values)
    assert caught.value.argument == "app"


def response(status: int, body: str, **headers: str) -> RawResponse:
    named = httpx.Headers({name.replace("_", "-"): value for name, value in headers.items()})
    url = "https://inngest.test"
    return RawResponse(status=status, method="GET", url=url, headers=named, body=body.encode())


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (None, "not_found"),
        (response(200, "<html>"), "not_found"),
        (response(399, "no"), "not_found"),
        (response(400, "no"), "server"),
        (response(404, "no"), "server"),
        (response(404, "no", x_inngest_server_kind="dev"), "not_found"),
        (response(404, " 404 page not found\n"), "not_found"),
        (response(405, ""), "not_found"),
        (response(404, '{"message": "no"}'), "server"),
    ],
)
def test_an_absent_route_is_one_of_inngest_if_the_response_is(
    answer: RawResponse | None, code: str
) -> None:
    url = "https://inngest.test"
    error = RouteNotFoundError("no", status=404, method="GET", url=url, response=answer)
    found = problem_of(error)
    assert found.code == code
    assert found.message.startswith("what responds is not Inngest") is (code == "server")


def test_a_refused_argument_is_named_as_programs_name_it() -> None:
    error = InvalidArgumentError("wrong", argument="max_requests")
    assert problem_of(error).field == "max_requests"
    assert problem_of(error, OPERATIONS["runs.replay"]).field == "rate"
    unknown = InvalidArgumentError("wrong", argument="other")
    assert problem_of(unknown, OPERATIONS["runs.replay"]).field == "other"


@pytest.mark.parametrize(
    ("command", "argument", "told"),
    [
        ("runs.list", "app", "client.apps.list shows the apps"),
        ("runs.list", "function", "client.functions.list shows the functions"),
        ("runs.cancel", "ids", "client.runs.list shows runs"),
        ("runs.list", "limit", "None"),
    ],
)
def test_a_wrong_argument_is_answered_by_the_call_that_lists_right_ones(
    command: str, argument: str, told: str
) -> None:
    error = InvalidArgumentError("wrong", argument=argument)
    assert str(problem_of(error, OPERATIONS[command]).hint).startswith(told)
    assert problem_of(error).hint is None


@pytest.mark.parametrize("command", ["events.get", "runs.get", "apps.get", "webhooks.get"])
def test_what_is_not_found_is_answered_by_the_call_that_lists_what_there_is(command: str) -> None:
    error = NotFoundError("no", status=404, method="GET", url="https://inngest.test")
    group = command.partition(".")[0]
    assert f"client.{group}.list shows" in str(problem_of(error, OPERATIONS[command]).hint)


def test_an_error_of_the_program_is_told_with_its_class_and_an_interruption_with_its_notes() -> (
    None
):
    assert problem_of(ValueError("no")).message == "ValueError: no"
    interruption = KeyboardInterrupt()
    assert problem_of(interruption).message == "interrupted"
    interruption.add_note("3 sent")
    assert problem_of(interruption).message == "interrupted; 3 sent"


@pytest.mark.parametrize("condition", [None, "event.data.x == 1"])
def test_what_a_bulk_cancellation_would_do_names_its_condition(
    condition: str | None, world: World
) -> None:
    row = OPERATIONS["cancellations.create"]
    given = {"app": "shop", "function": "charge", "started_before": "1s", "condition": condition}
    error = error_of(Invocation(row=row, client=world.client, values=read(row, given)).run())
    assert ("for which event.data.x == 1 holds," in error.message) is bool(condition)
    assert "for which None" not in error.message


@pytest.mark.parametrize(("id", "code"), [(NO_RUN, "not_found"), ("open", "network")])
def test_an_act_on_one_run_fails_with_the_reason_of_its_row(
    id: str, code: str, world: World
) -> None:
    if id == "open":
        id = world.open_run()
        world.mock.fault(drops(httpx.ReadError), path=f"/v2/runs/{id}/cancel", times=None)
    envelope = run(world, "runs.cancel", {"ids": [id]})
    error, data = error_of(envelope), data_of(envelope)
    (row,) = data["rows"]
    assert (error.code, error.message) == (code, row["reason"])
    assert "what answers at the base URL" not in str(error.hint)


def test_of_many_events_of_a_file_the_first_ids_are_returned(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calling, "_MOST_IDS", 3)
    file, before = tmp_path / "events.ndjson", len(world.mock.events)
    file.write_text('{"name": "order/placed"}\n' * 6, encoding="utf-8")
    data = data_of(run(world, "send_file", {"path": str(file), "batch_size": 2, "in_flight": 1}))
    assert data["accepted"] == 6
    assert data["ids"] == [it.internal_id for it in world.mock.events[before:]][:3]


@pytest.mark.parametrize(
    ("effect", "has", "lacks"),
    [
        (None, "The rejected lines are in {}.rejected.ndjson", "Send the whole again"),
        (answers(500), "Send the whole again, by the same name", "data.failures"),
    ],
    ids=["rejected", "unknown"],
)
def test_what_a_file_did_not_get_accepted_is_sent_again_by_the_file_or_its_rejected_lines(
    effect: Effect | None, has: str, lacks: str, world: World, tmp_path: Path
) -> None:
    file = tmp_path / "events.ndjson"
    lines = ['{"name": "order/placed"}', '{"name": ""}' if effect is None else '{"name": "a/b"}']
    file.write_text("\n".join(lines), encoding="utf-8")
    if effect is not None:
        world.mock.fault(effect, times=None)
    error = error_of(run(world, "send_file", {"path": str(file)}))
    assert has.format(file) in str(error.hint)
    assert lacks not in str(error.hint)


def test_what_was_deleted_is_named_by_its_id(world: World) -> None:
    id = world.webhook()
    data = data_of(run(world, "webhooks.delete", {"id": id}))
    assert data["id"] == id


@pytest.mark.parametrize(
    ("command", "values", "is_wide"),
    [
        ("runs.cancel", {"ids": ["run"]}, False),
        ("runs.cancel", {"ids": ["run", "run"]}, True),
        ("runs.cancel", {"app": "shop"}, True),
        ("send_many", {"events": [{"name": "order/placed"}] * 2}, False),
        ("send_many", {"events": [{"name": "order/placed"}] * 3}, True),
        ("api", {"method": "GET", "path": "/v2/runs"}, False),
        ("api", {"method": "POST", "path": "/v2/runs"}, True),
        ("cancellations.create", {"started_before": "1s"}, True),
        ("runs.list", {}, False),
    ],
)
def test_what_acts_on_more_than_one_is_confirmed(
    command: str, values: dict[str, Any], is_wide: bool, world: World
) -> None:
    if "ids" in values:
        values = {"ids": [world.open_run() for _ in values["ids"]]}
    if "started_before" in values:
        values = {"app": "shop", "function": "charge", **values}
    world.open_run()
    row, before = OPERATIONS[command], len(world.mock.requests)
    call = Invocation(row=row, client=world.client, values=read(row, values), most_events=2)
    error = call.run().error
    assert (error is not None and error.code == "confirmation_needed") is is_wide
    changed = [it for it in [*world.mock.requests][before:] if it.method != "GET"]
    assert not (is_wide and changed)


def test_what_would_be_done_is_counted_and_placed(world: World) -> None:
    runs = [world.open_run() for _ in range(2)]
    row = OPERATIONS["runs.cancel"]
    target = f"at {world.client.target.api_url} (default environment); nothing was done"
    for ids, amount in ((runs, "2 runs"), ([*runs, world.failed_run_id], "2 runs")):
        error = error_of(
            Invocation(row=row, client=world.client, values=read(row, {"ids": ids})).run()
        )
        assert error.message == f"runs.cancel would act on {amount} {target}"
    client = world.client.with_options(env="preview")
    error = error_of(Invocation(row=row, client=client, values=read(row, {"ids": runs})).run())
    assert "(preview environment)" in error.message


def test_a_token_of_another_process_is_good_while_the_set_is_the_same(world: World) -> None:
    row, runs = OPERATIONS["runs.cancel"], [world.open_run() for _ in range(3)]

    def confirm(ids: list[str], token: str | None) -> Envelope:
        given = read(row, {"ids": ids, "confirm": token})
        return Invocation(row=row, client=world.client, values=given).run()

    shown = confirm(runs[:2], None).data
    assert shown is not None
    wrong = error_of(confirm(runs, shown["confirm"]))
    assert wrong.message.startswith("not what was confirmed, which were 2 then, or done since: ")
    assert confirm(runs[:2], shown["confirm"]).ok
    # Nothing of it is left to be done, which needs no confirmation.
    assert confirm(runs[:2], shown["confirm"]).ok


def test_a_list_that_is_empty_or_filtered_here_says_what_was_searched(world: World) -> None:
    def warned(**values: Any) -> bool:
        return any(it.startswith("searched ") for it in run(world, "runs.list", values).warnings)

    assert world.failed_run_id
    assert not warned()
    assert warned(app="shop", function="none")
    assert warned(where="run.status == 'failed'")


@pytest.mark.parametrize(
    ("fields", "has_errors", "is_asked", "shown"),
    [
        (None, True, True, False),
        (None, False, False, False),
        ("id,status", False, False, False),
        ("id,error", False, True, False),
        ("id,output", False, True, True),
    ],
)
def test_outputs_are_listed_for_errors_and_shown_if_they_are_named(
    fields: str | None, has_errors: bool, is_asked: bool, shown: bool, world: World
) -> None:
    row = OPERATIONS["runs.list"]
    answer = Reply.to(row, Projection.of(fields, None, Run))
    call = Invocation(
        row=row,
        client=world.client,
        values=read(row, {"include_output": False}),
        answer=answer,
        has_errors=has_errors,
    )
    data = data_of(call.run())
    assert ("includeOutput=true" in [*world.mock.requests][-1].query) is is_asked
    assert any("output" in each for each in data["items"]) is shown


def test_a_plan_of_a_bulk_cancellation_is_named_as_the_call_is(world: World) -> None:
    world.open_run()
    row = OPERATIONS["cancellations.create"]
    given = {"app": "shop", "function": "wait", "started_before": "1s", "dry_run": True}
    planned = Invocation(row=row, client=world.client, values=read(row, given)).plan()
    assert planned.action == "cancellations.create"


def test_what_a_server_says_and_the_names_of_events_are_told_as_they_are(world: World) -> None:
    said = "no signing key (INNGEST_SIGNING_KEY) is set"
    world.mock.fault(answers(400, {"errors": [{"code": "invalid", "message": said}]}))
    refused = error_of(run(world, "runs.get", {"id": NO_RUN}))
    assert said in refused.message
    events = [{"name": "dev (INNGEST_DEV)"}] * 101
    asked = error_of(tools.Tools(world.client).call("send_many", {"events": events}))
    assert 'would send 101 events (101 "dev (INNGEST_DEV)")' in asked.message


def test_a_preview_of_what_is_invalid_has_the_first_reason(world: World) -> None:
    world.file.write_text('{"name": "order/placed"}\n{"name": ""}\n', encoding="utf-8")
    error = error_of(run(world, "send_file", {"path": str(world.file), "dry_run": True}))
    assert error.message.startswith("1 of 2 events are invalid; first: ")
    assert error.message.endswith("; nothing was sent")


@pytest.mark.parametrize("is_open", [True, False])
def test_a_report_is_continued_if_something_is_left(
    is_open: bool, world: World, tmp_path: Path
) -> None:
    ids = [world.open_run(), world.open_run() if is_open else NO_RUN]
    if is_open:
        world.mock.fault(drops(httpx.ReadError), path=f"/v2/runs/{ids[1]}/cancel", times=None)
    values = {"ids": ids, "report": str(tmp_path / "report.jsonl")}
    error = error_of(run(world, "runs.cancel", values))
    assert (str(error.hint) == "The same command does what is left.") is is_open


def test_events_of_a_list_that_are_unknown_have_no_file_to_send_again(world: World) -> None:
    world.mock.fault(loses_response(), times=None)
    error = error_of(run(world, "send_many", {"events": [{"name": "order/placed"}] * 2}))
    assert "2 unknown" in error.message
    assert "by the same name" not in str(error.hint)


def test_a_key_that_is_malformed_is_a_finding_in_place_of_that_of_its_check(world: World) -> None:
    row = OPERATIONS["doctor"]
    whole = run(world, "doctor", {}).data
    malformed = {"signing_key": "it is no key"}
    found = (
        Invocation(row=row, client=world.client, values=read(row, {}), malformed=malformed)
        .run()
        .data
    )
    assert whole is not None
    assert found is not None
    others = [it for it in whole["findings"] if it["kind"] != "signing_key"]
    (own,) = (it for it in found["findings"] if it["kind"] == "signing_key")
    assert [it for it in found["findings"] if it is not own] == others
    assert (own["severity"], own["message"]) == ("broken", "it is no key")


def test_an_empty_list_says_which_path_was_searched() -> None:
    with InngestClient(dev=True, transport=MockServer().transport) as client:
        row = OPERATIONS["apps.list"]
        (warning,) = Invocation(row=row, client=client, values=read(row, {})).run().warnings
    assert warning == "searched /v2/apps"


def test_what_is_left_is_counted_by_function() -> None:
    about: list[dict[str, Any]] = [{"function": "f"}, {"function": "e"}, {}, {"function": "e"}]
    rows = [ActionRow(at, NO_RUN, ActionOutcome.PLANNED, **it) for at, it in enumerate(about)]
    rows.append(ActionRow(4, NO_RUN, ActionOutcome.DONE, function="g"))
    report = ActionReport("runs.replay", rows)
    assert confirmation.to_do_by_function(report) == [("e", 2), ("f", 1)]


def test_a_failure_without_a_reason_is_told_by_the_whole_report() -> None:
    report = ActionReport("runs.replay", [ActionRow(0, NO_RUN, ActionOutcome.FAILED)])
    problem = form_of(ActionReport).problem(report, {})
    assert problem is not None
    assert problem.message == str(report)


def test_of_many_ids_that_were_sent_an_agent_is_told_the_first(world: World) -> None:
    events = [{"name": "order/placed"}] * 21
    for count in (20, 21):
        data = data_of(tools.Tools(world.client).call("send_many", {"events": events[:count]}))
        assert data["ids"] == [it.internal_id for it in world.mock.events[-count:]][:20]
