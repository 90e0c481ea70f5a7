"""`apps.check` and `apps.sync` with `expect`: what a deployment registered is what was expected."""

from __future__ import annotations

import json
from typing import Any

import pytest

from inngest_rest import AppCheck, InngestClient, InvalidArgumentError, NotFoundError
from inngest_rest_mock import MockServer, answers


@pytest.fixture
def mock() -> MockServer:
    mock = MockServer(cloud=True)
    mock.function("shop", "charge", trigger="order/placed")
    mock.function("shop", "report", cron="0 3 * * *")
    mock.function("mail", "digest", cron="0 9 * * 1")
    return mock


@pytest.mark.parametrize(
    ("expect", "new", "gone"),
    [
        (["charge", "report"], (), ()),
        (["shop/charge", "shop/report", "mail/other"], (), ()),
        (["charge"], ("report",), ()),
        (["charge", "refund", "report"], (), ("refund",)),
        (["refund"], ("charge", "report"), ("refund",)),
    ],
)
def test_functions_that_are_not_expected_are_new_and_those_not_registered_are_gone(
    client: InngestClient, expect: list[str], new: tuple[str, ...], gone: tuple[str, ...]
) -> None:
    check = client.apps.check("shop", expect=iter(expect))
    assert (check.new, check.gone, check.changed) == (new, gone, {})
    assert check.is_ok is (not new and not gone)


def test_what_functions_list_writes_is_expected_with_its_triggers_and_configuration(
    client: InngestClient,
) -> None:
    functions = list(client.functions.list())
    assert client.apps.check("shop", expect=functions).is_ok
    items = [function.to_dict() for function in functions]
    written: dict[str, Any] = {"ok": True, "data": {"items": items}}
    assert client.apps.check("shop", expect=json.loads(json.dumps(written, default=str))).is_ok
    charge, report, _ = items
    report["triggers"][0]["value"] = "0 4 * * *"
    charge["configuration"]["retries"] = {"value": 7}
    check = client.apps.check("shop", expect=written)
    assert check.changed == {"charge": ("configuration.retries",), "report": ("triggers",)}
    assert str(check) == (
        "app shop has 2 functions, 2 are expected; "
        "changed: charge (configuration.retries), report (triggers)"
    )
    # What is not stated may be anything.
    assert client.apps.check("shop", expect=[{"id": "charge"}, {"id": "report"}]).is_ok


def test_a_count_alone_is_compared_with_the_number_of_functions(client: InngestClient) -> None:
    assert client.apps.check("shop", count=2).is_ok
    check = client.apps.check("shop", count=40)
    assert check == AppCheck("shop", function_count=2, expected_count=40)
    assert str(check) == "app shop has 2 functions, 40 are expected"
    assert not check.is_ok
    assert not client.apps.check("shop", expect=["charge", "report"], count=3).is_ok


def test_of_an_app_that_is_not_there_no_function_is_gone(client: InngestClient) -> None:
    with pytest.raises(NotFoundError, match="App not found"):
        client.apps.check("shoop", expect=["charge"])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "expect or count is required"),
        ({"expect": []}, "expect is empty"),
        ({"expect": {"ok": True}}, "must be a list of functions"),
        ({"expect": {"data": {"items": ["charge"]}, "page": {"next": "c"}}}, "one page"),
        ({"expect": "charge"}, "must be a list of functions"),
        ({"expect": [1]}, "expect[0] must be an id or a function"),
        ({"expect": [{"name": "charge"}]}, "expect"),
        ({"expect": [{"id": "charge", "triggers": 5}]}, "expect[0]"),
        ({"expect": ["mail/digest"]}, "names no function of app 'shop'"),
        ({"count": 0}, "count"),
    ],
)
def test_a_malformed_expectation_is_refused_before_anything_is_sent(
    client: InngestClient, mock: MockServer, given: dict[str, Any], words: str
) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        client.apps.check("shop", **given)
    assert words in str(caught.value)
    if given:  # a sync may expect nothing
        with pytest.raises(InvalidArgumentError):
            client.apps.sync("shop", "https://shop.test/api/inngest", **given)
    assert not mock.requests


def test_a_sync_that_is_done_is_followed_by_the_comparison_and_one_that_is_pending_is_not(
    client: InngestClient, mock: MockServer
) -> None:
    url = "https://shop.test/api/inngest"
    assert client.apps.sync("shop", url).check is None
    sync = client.apps.sync("shop", url, expect=["charge"])
    assert sync.check is not None
    assert (sync.status, sync.check.new) == ("success", ("report",))
    pending = {"data": {"id": "s1", "status": "pending", "appId": "shop"}, "metadata": {}}
    mock.fault(answers(200, pending), operation="sync_app_v2")
    assert client.apps.sync("shop", url, count=2).check is None
