"""Every operation of both families: wrong keys, bad requests, and agreement of the families."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from inngest_rest import BadRequestError
from tests.contract.world import DOCUMENT, UNKNOWN

if TYPE_CHECKING:
    from inngest_rest import InngestClient
    from tests.contract.world import World

# Of August 2026: for an id from before June, a server looks for a minute (addRunMetadataV1).
RECENT = "01M0ZZZZZZZZZZZZZZZZZZZZZZ"

ASKED_FOR = re.compile(r"/v1/(runs|apps|runs/\{runId\}/replay|webhooks.*)")


def test_every_operation_rejects_a_wrong_key_where_keys_are_required(world: World) -> None:
    found = {}
    operations = [
        each
        for each in DOCUMENT.operations
        if world.has(each.method, each.path) and not (world.has_keys and each.id == "getDevInfo")
    ]
    with world.raw() as http:
        for operation in operations:
            answer = http.request(
                operation.method,
                re.sub(r"\{\w+\}", RECENT, operation.path),
                json={} if operation.body else None,
                headers={"Authorization": "Bearer wrong"},
            )
            found[operation.id] = answer.status_code
    if not world.has_keys:
        assert 401 not in found.values(), "a dev server takes any key"
        return
    # An absent route is absent with any key, and some require none.
    needs_none = {"getHealth", "listOperationsV2", "getMetrics"}
    exceptions = dict.fromkeys(needs_none, 200) | {
        each.id: 404
        for each in operations
        if ASKED_FOR.fullmatch(each.path) and not world.has_asked_for_routes
    }
    wanted = dict.fromkeys(found, 401) | {id_: exceptions[id_] for id_ in exceptions.keys() & found}
    assert found == wanted


BAD_V2 = (
    "/runs?limit=101",
    "/runs?limit=x",
    "/runs?cursor=nonsense",
    "/runs?status=bogus",
    "/runs?functionId=echoes",
    "/runs?from=yesterday",
    "/runs/nope",
    "/runs/nope/trace",
    "/events/nope/runs",
    f"/events/{UNKNOWN}/runs?limit=41",
    "/apps?limit=101",
    "/apps?cursor=nonsense",
    "/apps/any/functions?limit=-1",
    "/apps/any/functions/any/runs?limit=101",
)


def test_v2_rejects_out_of_range_values(world: World) -> None:
    paths = [path for path in BAD_V2 if world.has("GET", "/v2" + path.partition("?")[0])]
    with world.raw() as http:
        answers = {path: http.get(f"/v2{path}") for path in paths}
    assert {path: each.status_code for path, each in answers.items()} == dict.fromkeys(paths, 400)
    assert all(each.json()["errors"][0]["code"] for each in answers.values())


BAD_V1 = {
    "/events?cursor=nonsense": 400,
    "/events?received_after=1700000000": 400,
    "/events/nope": 400,
    f"/events/{UNKNOWN}": 404,
    "/events/nope/runs": 400,
    "/runs/nope": 400,
    f"/runs/{UNKNOWN}": 500,
    "/runs/nope/jobs": 400,
    f"/runs/{UNKNOWN}/jobs": 500,
}


def test_v1_reports_errors_of_a_get_in_the_body_and_since_1_45_by_status(
    world: World,
) -> None:
    with world.raw() as http:
        answers = {path: http.get(f"/v1{path}") for path in BAD_V1}
    shown = {path: each.status_code for path, each in answers.items()}
    assert shown == (dict.fromkeys(BAD_V1, 200) if world.hides_statuses else BAD_V1)
    assert {path: each.json()["status"] for path, each in answers.items()} == BAD_V1


BAD_BODIES = {
    "/v1/signals": "{",
    "/v1/cancellations": "{",
    f"/v2/runs/{UNKNOWN}/rerun": "[]",
    f"/v2/runs/{UNKNOWN}/cancel": "null",
    "/v2/apps/any/functions/any/invoke": '{"unheard": 1}',
}


def test_posts_reject_bad_bodies_by_status(world: World) -> None:
    bodies = {path: body for path, body in BAD_BODIES.items() if world.has("POST", path)}
    with world.raw() as http:
        found = {path: http.post(path, content=body).status_code for path, body in bodies.items()}
    assert found == dict.fromkeys(bodies, 400)


def test_both_families_agree_on_a_run(world: World, client: InngestClient) -> None:
    world.needs("getRunV2")
    run = world.start_and_wait(client, "echoes", {"n": 1})
    # Statuses are compared by other cases: two requests may see different states of a run.
    told = world.connect(api_version="v2").runs.get(run.id)
    assert (told.id, told.event_ids) == (run.id, run.event_ids)
    assert (told.app_id, told.function_id) == (world.app, "echoes")
    listed = world.connect(api_version="v1").events.runs(run.event_ids[0])
    assert [each.id for each in listed] == [run.id]
    path = f"/v2/apps/{world.app}/functions/echoes/runs"
    if world.has("GET", path):
        with world.raw() as http:
            assert run.id in {each["id"] for each in http.get(path).json()["data"]}


def test_each_family_rejects_a_malformed_cursor(world: World) -> None:
    with pytest.raises(BadRequestError):
        world.connect(api_version="v1").events.list(cursor="/v1/events:0:::nonsense").page()
