"""`status(expect=...)`: what a deployment registered is what was expected."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest import InngestClient, InvalidArgumentError
from inngest_rest_mock import MockServer, answers

if TYPE_CHECKING:
    from inngest_rest.findings import Finding


@pytest.fixture
def mock() -> MockServer:
    mock = MockServer()
    mock.function("shop", "charge", trigger="order/placed")
    mock.function("shop", "report", cron="0 3 * * *")
    mock.function("mail", "digest", cron="0 9 * * 1")
    return mock


def told(client: InngestClient, expect: Any, **rules: Any) -> Finding:
    report = client.status(expect=expect, **rules)
    return next(each for each in report.findings if each.kind == "functions")


@pytest.mark.parametrize(
    ("expect", "severity", "message"),
    [
        (["charge", "report"], "ok", "2 functions registered as expected"),
        (["shop/charge", "shop/report"], "ok", "2 functions registered as expected"),
        (["shop/charge"], "warning", "new: shop/report"),
        (["charge", "refund"], "broken", "gone: refund"),
        (
            ["shop/refund", "mail/digest"],
            "broken",
            "gone: shop/refund; new: shop/charge, shop/report",
        ),
    ],
)
def test_a_function_that_is_gone_is_broken_and_a_new_one_of_a_named_app_a_warning(
    client: InngestClient, expect: list[str], severity: str, message: str
) -> None:
    finding = told(client, iter(expect))
    assert finding.severity == severity
    assert finding.message.startswith(message)


def test_what_functions_list_writes_is_expected_with_its_triggers_and_configuration(
    client: InngestClient,
) -> None:
    functions = list(client.functions.list())
    assert told(client, functions).severity == "ok"
    items = [function.to_dict() for function in functions]
    written: dict[str, Any] = {"ok": True, "data": {"items": items}}
    assert told(client, json.loads(json.dumps(written, default=str))).severity == "ok"
    charge, report, _ = items
    report["triggers"][0]["value"] = "0 4 * * *"
    charge["configuration"]["retries"] = {"value": 7}
    finding = told(client, written)
    assert (finding.severity, finding.message) == (
        "broken",
        "changed: shop/charge (configuration.retries), shop/report (triggers)",
    )
    # What is not stated may be anything.
    assert told(client, [{"id": "charge"}, {"id": "report"}]).severity == "ok"


def test_of_one_app_only_its_own_functions_are_expected(client: InngestClient) -> None:
    expect = ["shop/charge", "shop/report", "mail/gone"]
    assert told(client, expect, app="shop").severity == "ok"
    assert told(client, expect).message == "gone: mail/gone; new: mail/digest"


def test_without_the_functions_there_is_no_verdict(client: InngestClient, mock: MockServer) -> None:
    for operation in ("list_functions_v2", "list_functions_v1"):
        mock.fault(answers(500, "no"), operation=operation, times=None)
    report = client.status(expect=["charge"])
    assert report.verdict == "unknown"
    assert report.headline.startswith("unknown: functions not read: ")
    assert client.status().verdict == "ok"


@pytest.mark.parametrize(
    ("expect", "words"),
    [
        ([], "expect is empty"),
        ({"ok": True}, "must be a list of functions"),
        ({"data": {"items": ["charge"]}, "page": {"next": "c"}}, "one page"),
        ("charge", "must be a list of functions"),
        ([1], "expect[0] must be an id or a function"),
    ],
)
def test_a_malformed_expectation_is_refused_before_anything_is_sent(
    client: InngestClient, mock: MockServer, expect: Any, words: str
) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        client.status(expect=expect)
    assert words in str(caught.value)
    assert not mock.requests
