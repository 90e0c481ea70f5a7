"""The status of a server: is all well?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest.findings import Severity

if TYPE_CHECKING:
    from inngest_rest import InngestClient
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
