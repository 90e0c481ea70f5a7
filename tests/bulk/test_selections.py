"""Acts on many take the runs that a selection names, and no others."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest import InngestClient, InvalidArgumentError, NotFoundError
from inngest_rest.bulk import ActionOutcome
from tests.resources.test_answers_about_another import ASKED
from tests.resources.test_queries import QUERY
from tests.resources.test_queries import shop as napping
from tests.resources.test_selection import EMPTY
from tests.support.ended_runs import HOUR, client_of_ended_runs, lasting_shop
from tests.support.server import recorded

if TYPE_CHECKING:
    from inngest_rest_mock import MockServer
    from tests.conftest import Connect
    from tests.support.clock import Clock
    from tests.support.server import Server


@pytest.fixture
def mock(clock: Clock) -> MockServer:
    return lasting_shop(clock)


@pytest.fixture
def shop(connect: Connect, mock: MockServer, clock: Clock) -> InngestClient:
    return client_of_ended_runs(connect, mock, clock)


def test_the_runs_of_a_filter_alone_are_replayed(shop: InngestClient) -> None:
    report = shop.runs.replay_all(error_contains="declined")
    assert [row.outcome for row in report.rows] == [ActionOutcome.DONE]


def test_a_report_says_what_was_read_for_an_expression(shop: InngestClient) -> None:
    where = 'event.data.customer == "c-2"'
    report = shop.runs.replay_all(where=where, dry_run=True)
    assert len(report.rows) == 1
    told = "left out, as where fails (the first: there is no 'customer')"
    assert f"2 read, and 2 events; 1 {told}" in str(report.searched)
    assert report.selection == {"where": where}


NOTHING = [(filter, told) for filter, told in EMPTY if "status" in filter]


@pytest.mark.parametrize(("filter", "told"), NOTHING)
def test_a_report_of_nothing_to_do_says_what_was_searched(
    shop: InngestClient, filter: dict[str, Any], told: str
) -> None:
    report = shop.runs.replay_all(**filter)
    assert report.rows == ()
    assert re.search("nothing to do.*" + re.escape(told), str(report))


def test_a_bulk_operation_reports_the_window_of_ends_if_it_has_two(shop: InngestClient) -> None:
    report = shop.runs.replay_all(since=6 * HOUR, ended_since=4 * HOUR, dry_run=True)
    assert len(report.rows) == 2
    assert report.since is not None
    assert report.until is not None
    assert report.until - report.since == 4 * HOUR
    assert report.selection == {"since": "6h ago", "ended_since": "4h ago"}


@pytest.mark.parametrize("filter", [{"ended_since": HOUR}, {"error_contains": "x"}])
def test_runs_that_have_ended_are_not_selected_to_be_cancelled(
    shop: InngestClient, filter: dict[str, Any]
) -> None:
    with pytest.raises(InvalidArgumentError, match="selects only runs that are"):
        shop.runs.cancel_all(**filter)


MISSPELT: list[tuple[dict[str, Any], str]] = [
    ({"app": "shp"}, "there is no app 'shp'; did you mean 'shop'"),
    ({"function": "shop/chrge"}, "app shop has no function 'chrge'; did you mean 'charge'"),
    ({"function": "shop-chrge"}, "no app has a function 'shop-chrge'; did you mean 'shop-charge'"),
    ({"app": "sho-*"}, "no function is of app 'sho-*'; valid values: shop"),
    ({"function": "chrge-*"}, "no app has a function 'chrge-*'; valid values: shop-charge, "),
    ({"app": "shop", "function": "chrge-*"}, "app shop has no function 'chrge-*'"),
]


@pytest.mark.parametrize(("names", "told"), MISSPELT)
@pytest.mark.parametrize("dry_run", [True, False])
def test_an_act_on_a_name_that_does_not_exist_is_an_error(
    shop: InngestClient, names: dict[str, Any], told: str, dry_run: bool
) -> None:
    for act in (shop.runs.replay_all, shop.runs.cancel_all):
        with pytest.raises(NotFoundError, match=re.escape(told)):
            act(**names, dry_run=dry_run)


def test_an_act_on_names_that_exist_may_find_nothing_to_do(shop: InngestClient) -> None:
    given: Any = [{"app": "shop"}, {"function": "shop/charge"}, {"function": "shop-charge"}]
    given += [{"app": "s*"}, {"function": "charge-*"}, {"app": "sho?", "function": "*-card"}]
    for names in given:
        assert shop.runs.replay_all(**names, status="cancelled").rows == ()


def test_bulk_acts_take_the_runs_of_a_query_alone(connect: Connect) -> None:
    mock = napping("1.45")
    client = connect(transport=mock.transport)
    report = client.runs.cancel_all(query=QUERY)
    assert [run.status for run in mock.runs] == ["running", "cancelled", "running"]
    assert report.selection == {"query": QUERY}
    replayed = client.runs.replay_all(status="cancelled", query=QUERY, dry_run=True)
    assert [row.id for row in replayed.rows] == [mock.runs[1].id]


def test_a_bulk_act_does_not_count_another_run_as_done(connect: Connect, server: Server) -> None:
    server.on(f"POST /v2/runs/{ASKED}/cancel", recorded("v2-cancel"))
    [row] = connect().runs.cancel_all([ASKED]).rows
    assert row.outcome == "unknown"
