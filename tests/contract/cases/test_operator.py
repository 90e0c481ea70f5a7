"""An operator's questions: is all well, what waits, what is registered, what was sent already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest.explanation import ReasonKind
from inngest_rest.findings import Severity

if TYPE_CHECKING:
    from inngest_rest import InngestClient
    from inngest_rest.explain import WaitingRun
    from tests.contract.world import World


def test_the_status_of_a_server_has_an_answer_to_each_question(
    world: World, client: InngestClient
) -> None:
    world.needs("listRunsV2")
    world.start(client, "echoes")
    found = {each.kind: each for each in client.status().findings}
    assert found["server"].severity is Severity.OK
    assert int(found["starting"].evidence["queued"]) >= 0
    assert ("queue_depth" in found["starting"].evidence) == (not world.is_cloud)
    assert found["fresh"].severity is Severity.OK


def test_what_waits_is_told_with_its_kind_and_its_time(world: World, client: InngestClient) -> None:
    world.needs("listRunsV2", "cancelRunV2")
    id = world.start(client, "sleeps").id

    def asleep() -> list[WaitingRun]:
        """Return the run once it has begun to sleep; it is queued before."""
        rows = client.runs.waiting(app=world.app, function="sleeps").rows
        return [row for row in rows if row.id == id and row.kind is ReasonKind.SLEEPS]

    (row,) = world.eventually(asleep)
    assert row.at is not None
    client.runs.cancel(id)
    assert id not in {row.id for row in client.runs.waiting(app=world.app).rows}


def test_an_event_that_its_label_has_sent_is_not_sent_again(
    world: World, client: InngestClient
) -> None:
    (id,) = client.send({"name": world.trigger("echoes"), "data": {"n": 1}})
    client.events.wait(id, 60)
    (sent,) = client.events.resend([id], label="again").rows
    assert sent.new_event_id is not None
    client.events.wait(sent.new_event_id, 60)
    (row,) = client.events.resend([id], label="again").rows
    assert (row.outcome, row.reason) == (
        "already_sent",
        f"this label has sent it, as event {sent.new_event_id}",
    )
