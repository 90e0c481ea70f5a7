"""A report as somebody or something left it."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inngest_rest import InngestClient, InvalidArgumentError, PartialActionError
from inngest_rest.bulk import ActionOutcome, ActionReport, ActionRow
from inngest_rest_mock import MockServer
from tests.hostile.invalid import accept, bounded, briefly, damaged, flipped

REPORT = ActionReport(
    "runs.replay",
    [
        ActionRow(
            0, "01KADEP2Q2JVT4PM3FEKAZTX4Z", ActionOutcome.DONE, "01KADEP2Q2JVT4PM3FEKAZTX4Y"
        ),
        ActionRow(1, "run", ActionOutcome.UNKNOWN, None, "lost", ("01KADEP2Q2JVT4PM3FEKAZTX4Y",)),
        ActionRow(2, None, ActionOutcome.FAILED, None, "refused"),
    ],
)


NO_ID = "resume: the id of row 0"


@pytest.mark.parametrize(
    ("id", "reason"),
    [
        (None, NO_ID),
        ("", NO_ID),
        ("..", NO_ID),
        ("a/b", NO_ID),
        ("\ud800", "resume is a damaged report: it has text that is not Unicode"),
    ],
)
def test_a_report_whose_open_row_has_no_id_is_refused(id: str | None, reason: str) -> None:
    report = ActionReport("runs.cancel", [ActionRow(0, id, ActionOutcome.NOT_TRIED)])
    with (
        InngestClient(dev=True, transport=httpx.MockTransport(accept)) as client,
        pytest.raises(InvalidArgumentError, match=reason),
    ):
        client.runs.cancel_all(resume=report)


@settings(bounded, max_examples=100)
@given(data=st.data())
def test_any_report_is_resumed_or_refused(data: st.DataObject) -> None:
    text = data.draw(damaged(REPORT.to_dict()))
    if data.draw(st.booleans()):
        text = data.draw(flipped(text))
    report, refusal = None, ""
    with briefly():
        try:
            report = ActionReport.from_json(text.decode("utf-8", "surrogateescape"))
        except ValueError as error:
            refusal = str(error)
    assert len(refusal) < 1_000
    if report is None:
        return
    mock = MockServer()
    with InngestClient(dev=True, transport=mock.transport, retries=0) as client, briefly():
        try:
            again = client.runs.replay_all(resume=report)
        except PartialActionError as error:
            again = error.report
        except InvalidArgumentError:
            return
    assert len(again.rows) == len(report.rows)
    assert ActionReport.from_json(again.to_json()).counts == again.counts
