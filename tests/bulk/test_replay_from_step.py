"""Replays from a step: what succeeded before it does not run again, and reports are bound to it."""

from __future__ import annotations

import hashlib
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from inngest_rest import (
    ConfigurationError,
    Event,
    InngestClient,
    InvalidArgumentError,
    RouteNotFoundError,
)
from inngest_rest.bulk import ActionOutcome
from inngest_rest_mock import MockServer, answers, completes, fails, loses_response, steps
from tests.support.server import body_of

if TYPE_CHECKING:
    from pathlib import Path

    from inngest_rest.bulk import ActionRow
    from tests.conftest import Connect


# What releases 1.30 to 1.38 respond to a step (read in the source of 1.38).
NO_STEPS = {"errors": [{"code": "not_implemented", "message": "fromStep is not implemented"}]}


class Shop:
    """A function whose first step charges, and whose second fails for as long as it is told to."""

    def __init__(self) -> None:
        self.mock = MockServer()
        self.charges = 0
        self.failing: str | None = "mail"
        self.error = "SMTPError"
        taken = [(name, partial(self.take, name)) for name in ("charge", "mail", "tidy")]
        self.mock.function("shop", "order", trigger="shop/order", run=steps(*taken))

    def take(self, name: str, _event: dict[str, Any]) -> Any:
        self.charges += name == "charge"
        if name == self.failing:
            return fails(f"{name} is down", name=self.error)
        return f"{name} done"


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def client(connect: Connect, shop: Shop) -> InngestClient:
    return connect(transport=shop.mock.transport, retries=0)


def order(client: InngestClient, shop: Shop) -> str:
    client.send(Event("shop/order", {"n": 1}))
    return shop.mock.runs[-1].id


def steps_of(shop: Shop) -> list[str]:
    return [each.name for each in shop.mock.runs[-1].steps]


@pytest.mark.parametrize(
    "step", ["mail", "last-failed", "1d6e1cf70ec6f9ab28d3ea4b27a49a77654d370e"]
)
def test_what_succeeded_before_the_step_does_not_run_again(
    client: InngestClient, shop: Shop, step: str
) -> None:
    run = order(client, shop)
    shop.failing = None
    new = client.runs.replay(run, from_step=step)
    assert client.runs.get(new).output == "tidy done"
    assert (steps_of(shop), shop.charges) == (["mail", "tidy"], 1)


def test_a_step_with_an_input_does_not_run_as_with_the_python_sdk(
    client: InngestClient, shop: Shop
) -> None:
    run = order(client, shop)
    client.runs.replay(run, from_step="mail", input=[{"to": "kim@shop.test"}])
    assert steps_of(shop) == ["tidy"]
    assert shop.mock.requests[-1].json() == {
        "fromStep": {"stepId": trace_id("mail"), "input": [{"to": "kim@shop.test"}]}
    }


def trace_id(name: str) -> str:
    return hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("mial", "did you mean 'mail'? Valid values: charge, mail"),
        ("tidy", "valid values: charge, mail"),
    ],
)
def test_an_unknown_step_is_an_error_with_the_nearest_and_all(
    client: InngestClient, shop: Shop, step: str, message: str
) -> None:
    run = order(client, shop)
    with pytest.raises(InvalidArgumentError, match=f"'{step}' is not a step on record") as caught:
        client.runs.replay(run, from_step=step)
    assert message in str(caught.value)
    assert len(shop.mock.runs) == 1


def test_a_name_of_several_steps_is_an_error_with_the_id_of_each(
    client: InngestClient, shop: Shop
) -> None:
    twice = steps(("same", completes(1)), ("same", fails("no", name="ValueError")))
    shop.mock.function("shop", "twice", trigger="shop/twice", run=twice)
    client.send(Event("shop/twice"))
    run = shop.mock.runs[-1].id
    ids = [trace_id("same"), trace_id("same:1")]
    with pytest.raises(InvalidArgumentError) as caught:
        client.runs.replay(run, from_step="same")
    assert f"{ids[0]} (completed), {ids[1]} (failed)" in str(caught.value)
    client.runs.replay(run, from_step=ids[1])
    assert [each.id for each in shop.mock.runs[-1].steps] == ids[1:]


def test_a_run_whose_failed_step_is_not_on_record_is_refused_with_what_can_be_replayed(
    client: InngestClient, shop: Shop
) -> None:
    """The trace of the Python SDK has no step that failed with a non-retriable error."""
    shop.error = "NonRetriableError"
    run = order(client, shop)
    (row,) = client.runs.replay_all([run], from_step="last-failed").rows
    assert row.outcome is ActionOutcome.REFUSED
    assert "no step that failed" in str(row.reason)
    with pytest.raises(InvalidArgumentError, match="not a step on record") as caught:
        client.runs.replay(run, from_step="mail")
    assert "Leave from_step out" in str(caught.value.advice)
    with pytest.raises(InvalidArgumentError, match="the trace has no step that failed") as caught:
        client.runs.replay(run, from_step="last-failed")
    assert str(caught.value.advice) == (
        "Leave from_step out to replay the whole run, or pass 'charge', the last step on record, "
        "which would run again, too."
    )
    assert len(shop.mock.runs) == 1
    shop.failing = None
    from_charge = client.runs.replay(run, from_step="charge")
    assert client.runs.get(from_charge).output == "tidy done"


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("1.43-v2-trace-step-non-retriable", "pass 'reserve', the last step on record"),
        ("v2-trace-boom", "Leave from_step out to replay the whole run."),
    ],
)
def test_the_recorded_trace_of_a_non_retriable_error_has_no_failed_step(
    client: InngestClient, shop: Shop, name: str, advice: str
) -> None:
    run = order(client, shop)
    body = body_of(name)
    body["data"]["runId"] = run
    shop.mock.fault(answers(200, body), times=2, operation="get_run_trace_v2")
    with pytest.raises(InvalidArgumentError, match="no step that failed") as caught:
        client.runs.replay(run, from_step="last-failed")
    assert advice in str(caught.value.advice)


def test_a_step_is_looked_up_in_the_first_run_of_a_chain_as_servers_do(
    client: InngestClient, shop: Shop
) -> None:
    order(client, shop)
    shop.failing = "tidy"
    again = client.runs.replay(shop.mock.runs[0].id)
    with pytest.raises(
        InvalidArgumentError, match=f"not a step on record of run {shop.mock.runs[0].id}"
    ):
        client.runs.replay(again, from_step="last-failed")
    assert len(shop.mock.runs) == 2


@pytest.mark.parametrize(
    ("name", "failed"),
    [("1.43-v2-trace-step-fails-twice", "mail"), ("1.43-v2-trace-parallel-fails", "pb")],
)
def test_the_last_failed_step_is_found_in_recorded_traces(
    client: InngestClient, shop: Shop, name: str, failed: str
) -> None:
    row = planned_from_last_failed(client, shop, body_of(name))
    assert (row.outcome, row.from_step) == ("planned", failed)


def test_a_completed_step_that_began_later_does_not_run_again_from_the_last_failed(
    client: InngestClient, shop: Shop
) -> None:
    """Servers keep what began before the step; of parallel steps, another may have begun later."""
    body = body_of("1.43-v2-trace-parallel-fails")
    for each in body["data"]["rootSpan"]["children"]:
        if each["name"] == "pa":
            each["startedAt"] = "2026-11-28T23:10:40Z"
    row = planned_from_last_failed(client, shop, body)
    assert row.outcome is ActionOutcome.REFUSED
    assert "is pb, and pa would run again" in str(row.reason)


def planned_from_last_failed(client: InngestClient, shop: Shop, body: Any) -> ActionRow:
    run = order(client, shop)
    body["data"]["runId"] = run
    shop.mock.fault(answers(200, body), times=2, operation="get_run_trace_v2")
    (row,) = client.runs.replay_all([run], from_step="last-failed", dry_run=True).rows
    return row


@pytest.mark.parametrize(
    "arguments",
    [{"input": [1]}, {"from_step": "mail", "input": []}, {"from_step": "mail", "input": {"to": 1}}],
)
def test_an_input_is_a_list_for_a_step(client: InngestClient, arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError, match="input must be a non-empty list"):
        client.runs.replay("01M8F07M2JAPE5MT8HR02E7B5R", **arguments)


def test_a_server_that_starts_no_run_from_a_step_says_since_when_servers_do(
    connect: Connect,
) -> None:
    shop = Shop()
    shop.mock.fault(answers(501, NO_STEPS), operation="rerun_run_v2")
    client = connect(transport=shop.mock.transport, retries=0)
    run = order(client, shop)
    with pytest.raises(RouteNotFoundError, match=r"since release 1\.39: leave from_step out"):
        client.runs.replay(run, from_step="mail")
    client.runs.replay(run)  # which that release does have
    assert len(shop.mock.runs) == 2


def test_v1_alone_starts_no_run_from_a_step(connect: Connect, shop: Shop) -> None:
    run = order(connect(transport=shop.mock.transport), shop)
    client = connect(transport=shop.mock.transport, retries=0, api_version="v1")
    with pytest.raises(ConfigurationError, match="exists only in v2"):
        client.runs.replay(run, from_step="mail")
    assert len(shop.mock.runs) == 1


def test_a_dry_run_says_from_which_step_each_run_would_start(
    client: InngestClient, shop: Shop
) -> None:
    runs = [order(client, shop)]
    shop.failing = "tidy"
    runs.append(order(client, shop))
    report = client.runs.replay_all(runs, from_step="last-failed", dry_run=True)
    assert [(row.outcome, row.from_step) for row in report.rows] == [
        ("planned", "mail"),
        ("planned", "tidy"),
    ]
    assert len(shop.mock.runs) == 2


def test_a_lost_response_starts_no_second_run_from_the_step(
    client: InngestClient, shop: Shop, tmp_path: Path
) -> None:
    run, path = order(client, shop), tmp_path / "report"
    shop.failing = None
    shop.mock.fault(loses_response(httpx.ReadTimeout), operation="rerun_run_v2")
    report = client.runs.replay_all([run], from_step="mail", report_path=path)
    assert [(row.outcome, row.from_step) for row in report.rows] == [("done", "mail")]
    again = client.runs.replay_all([run], from_step="mail")
    assert [row.outcome for row in again.rows] == ["already_replayed"]
    assert (len(shop.mock.runs), shop.charges) == (2, 1)


def test_a_report_is_bound_to_the_step_and_its_input(
    client: InngestClient, shop: Shop, tmp_path: Path
) -> None:
    run, path = order(client, shop), tmp_path / "report"
    shop.mock.fault(answers(500), operation="get_run_trace_v2")
    client.runs.replay_all([run], from_step="mail", input=[1], report_path=path)
    for other, match in (
        ({}, "with from_step 'mail', not None and input .*, not None;"),
        ({"from_step": "charge", "input": [1]}, "with from_step 'mail', not 'charge';"),
        ({"from_step": "mail", "input": [2]}, "with input .1., not .2.;"),
    ):
        with pytest.raises(InvalidArgumentError, match=match):
            client.runs.replay_all([run], report_path=path, **other)  # type: ignore[arg-type]
    planned = client.runs.replay_all([run], from_step="mail", dry_run=True)
    with pytest.raises(InvalidArgumentError, match="pass the same from_step and input"):
        client.runs.replay_all(planned)
    assert len(shop.mock.runs) == 1
    done = client.runs.replay_all([run], from_step="mail", input=[1], report_path=path)
    assert [row.outcome for row in done.rows] == ["done"]
