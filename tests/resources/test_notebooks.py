"""What a notebook shows of records, reports, traces and listings: escaped tables, no scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest import AsyncInngestClient, Run, RunError, RunStatus
from inngest_rest.models import Span
from inngest_rest_mock import MockServer
from tests.support.notebooks import AT, EVIL, require_escaped
from tests.support.run_lists import Listed, RunLists

if TYPE_CHECKING:
    from inngest_rest.record import Record
    from tests.conftest import Connect


RUN = Run("01R", RunStatus.FAILED, error=RunError("E", EVIL), function_id=EVIL)


@pytest.mark.parametrize("record", [RUN, Span("s", EVIL, EVIL, output=EVIL)])
def test_text_of_others_is_escaped(record: Record) -> None:
    require_escaped(record)


def test_a_run_shows_its_error_and_its_times_as_the_terminal_does() -> None:
    run = Run("01R", RunStatus.FAILED, AT, event_ids=("01E",), error=RunError("PspError", "no"))
    shown = run._repr_html_()
    for name, cell in {
        "status": "failed",
        "queued_at": "2026-11-27 01:02:03",
        "event_ids": "01E",
        "error": "PspError: no",
    }.items():
        assert f"<th>{name}</th><td>{cell}</td>" in shown


@pytest.mark.parametrize("client_kind", ["blocking"], indirect=True)  # tasks have no such listing
def test_a_listing_shows_the_first_rows_of_one_page(connect: Connect) -> None:
    lists = RunLists(250, lambda _: Listed(function="<b>"))
    listing: Any = connect(transport=lists).runs.list()
    shown = listing._repr_html_()
    assert shown.count("<tr>") == 1 + 20
    assert "<b>" not in shown
    assert len(lists.asked) == 1
    assert "and 80 more" in shown


@pytest.mark.parametrize("client_kind", ["blocking"], indirect=True)  # tasks have no such listing
def test_an_empty_listing_and_an_asynchronous_one_show_their_repr(connect: Connect) -> None:
    empty: Any = connect(transport=MockServer().transport).runs.list()
    assert empty._repr_html_() is None
    assert AsyncInngestClient(dev=True).runs.list()._repr_html_() is None
