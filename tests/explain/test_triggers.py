"""Triggers, conditions and limits: which functions an event starts, and what may prevent it."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from inngest_rest import Function, StoredEvent
from inngest_rest._core.resources.apps import function_of_v1, function_of_v2
from inngest_rest._local.expressions import holds
from inngest_rest._local.functions import limit, matching_triggers, parse_duration
from inngest_rest.explain._limits import cancelling_events, cancels_earlier_run, concurrency_limits
from inngest_rest.explain._triggers import nearest_triggers
from inngest_rest.models import Trigger
from inngest_rest_api import models as api
from tests.support.server import body_of


def listens_to(*names: str, id: str = "f") -> Function:
    return Function(id, "shop", triggers=tuple(Trigger("event", it) for it in names))


@pytest.mark.parametrize(
    ("trigger", "name", "matches"),
    [
        ("app/user.created", "app/user.created", True),
        ("app/*", "app/user.created", True),
        ("app/user.*", "app/user.created", True),
        ("a/b/*", "a/b/c", True),
        ("app/us*", "app/user.created", False),
        ("*", "app/user.created", False),
        ("App/user.created", "app/user.created", False),
        ("app/*", "App/user.created", False),
        ("app/user", "app/user.created", False),
        ("app/*", "app", False),
    ],
)
def test_a_trigger_matches_its_name_or_what_follows_a_slash_or_dot(
    trigger: str, name: str, matches: bool
) -> None:
    assert bool(matching_triggers(listens_to(trigger), name)) is matches


def test_a_schedule_matches_no_event() -> None:
    assert matching_triggers(Function("f", "shop", triggers=(Trigger("cron", "a/b"),)), "a/b") == []


def test_a_schedule_is_not_the_nearest_to_a_name() -> None:
    triggers = Trigger("cron", "app/order.created"), Trigger("event", "app/order.craeted")
    function = Function("f", "shop", triggers=triggers)
    assert nearest_triggers("app/order.created", [function]) == {"app/order.craeted": ["shop/f"]}


def test_the_nearest_name_differs_in_case_or_in_few_letters() -> None:
    functions = [listens_to("app/order.created"), listens_to("App/Order.Created", id="g")]
    assert nearest_triggers("app/ORDER.created", functions) == {
        "app/order.created": ["shop/f"],
        "App/Order.Created": ["shop/g"],
    }
    assert nearest_triggers("app/order.craeted", functions[:1]) == {"app/order.created": ["shop/f"]}
    assert nearest_triggers("unlike", functions) == {}


EVENT: StoredEvent = StoredEvent(
    "01A",
    "own",
    "app/order",
    {
        "x": 1,
        "price": 1.5,
        "ok": True,
        "no": None,
        "name": "bob",
        "a b": {"c": 2},
        "l": [1],
        "letter": "é",
    },
    ts=1_795_543_200_000,
)


@pytest.mark.parametrize(
    ("condition", "outcome"),
    [
        ("event.data.x == 1", True),
        ("event.data.x == 1.0", True),
        ("event.data.x != 1", False),
        ("event.data.price > 2", False),
        ("event.data.price >= 1.5 && event.data.x < 2", True),
        ("!(event.data.ok)", False),
        ("event.data.ok == true", True),
        ("event.data.no == null", True),
        ("event.data['a b'].c == 2", True),
        ("event.name == 'app/order'", True),
        ("event.ts > 0", True),
        ("(event.data.x == 1 || event.data.x == 2) && event.data.ok", True),
        ("true", True),
        ("event.data.x == '1'", False),
        ("event.name != 'event.created'", True),
        ("event.data.x != '1'", True),
        ("event.data.ok == 1", False),
        ("event.data.l == event.data.l", True),
        ("event.data.l[0] == 1", True),
        ("event.data.x in [1, 2]", True),
        ("has(event.data.x)", True),
        # A server may fail to evaluate these, or evaluate them in its own way.
        ("has(event.data.missing)", None),
        ("event.data.missing == 1 && event.data.x == 2", None),
        ("event.data.name == 'bob' || event.data.missing == 1", None),
        ("event.data['a b'].d == 2 && event.data.x == 2", None),
        ("event.data.l[3] == 1 && event.data.x == 2", None),
        ("event.user == null", None),
        ("event.v == '1' && event.data.x == 2", None),
        ("event.data.missing == 1", None),
        ("event.data.missing != 1", None),
        ("event.data.missing == null || event.data.x == 2", None),
        ("event.data.no < 1", None),
        ("event.data.x", None),
        ("event.data.x == 1 && event.data.missing", None),
        ("event.data.x == 1 ? true : false", None),
        ("async.data.x == 1", None),
        (r"event.data.name == 'b\x6fb'", None),
        # Servers have functions of their own, and the library counts the bytes of a text.
        ("event.data.name.startsWith('b')", None),
        ("size(event.data.letter) == 1", None),
        ("event.data.x + 1 == 2", None),
        # No condition.
        ("event.data.x == 1 &&", None),
        ("event.data.x == 1 true", None),
        ("event.data.x === 1", None),
        ("(" * 500, None),
        # The library would end the process for lack of stack.
        ("1" + "+1" * 50_000 + " > 0", None),
        ("!" * 100_000 + "true", None),
    ],
)
def test_a_condition_is_evaluated_only_if_its_outcome_is_beyond_doubt(
    condition: str, outcome: bool | None
) -> None:
    assert holds(condition, EVENT) is outcome


def test_an_id_that_the_event_was_not_sent_with_leaves_a_condition_undecided() -> None:
    event: StoredEvent = StoredEvent("01A", "01A", "app/order", {"x": 1})
    assert holds("event.id == 'own'", EVENT) is True
    assert holds("event.id == 'own'", event) is None


@pytest.mark.parametrize("deep", [{}, []], ids=["mapping", "list"])
def test_data_nested_deep_leaves_a_condition_undecided(deep: Any) -> None:
    for _ in range(100_000):
        deep = {"a": deep} if isinstance(deep, dict) else [deep]
    event: StoredEvent = StoredEvent("01A", "own", "app/order", {"x": 1, "deep": deep})
    assert holds("event.data.x == 1", event) is None


def test_data_that_the_server_shows_in_another_way_leaves_a_condition_undecided() -> None:
    event: StoredEvent = StoredEvent("01A", "own", "app/order", {"x": 1, "at": datetime.now(UTC)})
    assert holds("event.data.at == '2026'", event) is None


def test_without_the_library_a_condition_is_undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cel", None)
    assert holds("event.data.x == 1", EVENT) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("24h0m0s", 86_400), ("1m", 60), ("3s", 3), ("1.5s", 1.5), ("100ms", 0.1), ("7d", 604_800)],
)
def test_durations_are_read_as_servers_write_them(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "3", "soon", "1s later", None, 3], ids=repr)
def test_what_is_not_a_duration_is_unknown(text: Any) -> None:
    assert parse_duration(text) is None


def of_v2(recording: str) -> Function:
    envelope = api.V2FunctionEnvelope.from_dict(body_of(recording))
    return function_of_v2(envelope.data, "flow-app")


def test_the_limits_of_recorded_functions_are_read() -> None:
    full = of_v2("v2-function-full")
    assert limit(full, "rateLimit") == {"key": "event.data.id", "limit": 1, "period": "24h0m0s"}
    assert limit(full, "throttle") == {"limit": 1, "period": "1m0s"}
    assert cancelling_events(full) == ["flow/stop"]
    assert len(concurrency_limits(full)) == 1
    skips = of_v2("v2-function-single-skip")
    assert limit(skips, "singleton") == {"key": "event.data.k", "mode": "SKIP"}
    assert not cancels_earlier_run(skips)
    assert concurrency_limits(skips) == []


def test_the_limits_of_v1_have_other_names() -> None:
    config = {
        "triggers": [{"event": "a", "expression": "event.data.x == 1"}],
        "batchEvents": {"maxSize": 3, "timeout": "3s"},
        "singleton": {"mode": "skip"},
        "cancel": [{"event": "app/stop"}],
        "timeouts": {"finish": "1s"},
        "concurrency": [{"limit": 1, "scope": "Fn"}],
    }
    listed = api.V1Function.from_dict({"id": "shop-f", "config": config})
    function = function_of_v1(listed, "shop")
    assert limit(function, "eventsBatch") == {"maxSize": 3, "timeout": "3s"}
    assert limit(function, "singleton") == {"mode": "skip"}
    assert cancelling_events(function) == ["app/stop"]
    assert limit(function, "timeouts") == {"finish": "1s"}
    assert len(concurrency_limits(function)) == 1
    assert matching_triggers(function, "a")[0].condition == "event.data.x == 1"
