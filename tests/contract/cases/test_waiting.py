"""What runs wait for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest.explanation import ReasonKind

if TYPE_CHECKING:
    from inngest_rest import InngestClient
    from inngest_rest.explain import WaitingRun
    from tests.contract.world import World


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
