"""Operations without code of their own, such as those of Inngest Cloud, by the document alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from inngest_rest_mock import MockServer
from inngest_rest_mock._api.examples import example_handler
from inngest_rest_mock._api.operations import HANDLERS

if TYPE_CHECKING:
    from tests.mock.shapes import Serve

SQL = {"query": "SELECT 1"}


@pytest.mark.parametrize(
    ("path", "id", "change"),
    [("/v1/webhooks", "id", "PUT"), ("/v2/envs", "id", "PATCH")],
    ids=["v1", "v2"],
)
def test_what_was_created_is_listed_and_changed(
    client: httpx.Client, path: str, id: str, change: str
) -> None:
    made = client.post(path, json={"name": "Clerk"}).json()["data"]
    assert made["name"] == "Clerk"
    assert client.get(path).json()["data"][-1] == made
    changed = client.request(change, f"{path}/{made[id]}", json={}).json()["data"]
    assert changed == made
    unknown = client.request(change, f"{path}/unknown", json={})
    assert unknown.status_code == 404


def test_what_was_deleted_is_gone(client: httpx.Client) -> None:
    made = client.post("/v1/webhooks", json={"name": "Clerk"}).json()["data"]
    path = f"/v1/webhooks/{made['id']}"
    assert client.get(path).json()["data"] == made
    assert client.put(path, json={"name": "Other"}).json()["data"] == {**made, "name": "Other"}
    assert client.delete(path).json()["data"] == {"id": made["id"]}
    gone = [client.request(method, path, json={}) for method in ("GET", "PUT", "DELETE")]
    assert [each.json()["status"] for each in gone] == [404, 404, 404]


@pytest.mark.parametrize("body", ["[]", "{", '{"name":5}'])
def test_a_body_that_is_not_as_documented_is_refused(client: httpx.Client, body: str) -> None:
    for path in ("/v1/webhooks", "/v2/envs"):
        assert client.post(path, content=body).status_code == 400


@pytest.mark.parametrize("count", [0, 101])
def test_fewer_or_more_items_than_documented_are_refused(client: httpx.Client, count: int) -> None:
    scores = [{"name": "accuracy", "value": 1}] * count
    answer = client.post(f"/v2/runs/{'0' * 26}/scores", json=scores)
    assert answer.status_code == 400


def test_another_operation_answers_with_the_example_of_the_document(client: httpx.Client) -> None:
    result = client.post("/v2/insights/query", json=SQL).json()["data"]
    assert result["columns"] == [{"name": "n", "type": "NUMBER"}]


def test_what_inngest_cloud_alone_has_is_read_and_then_refused(serve: Serve) -> None:
    client = serve(MockServer())
    assert client.post("/v2/insights/query", json=SQL).status_code == 501
    assert client.post("/v2/insights/query", json={}).status_code == 400
    assert client.get("/v2/account").status_code == 200


def test_a_success_without_content_in_the_document_has_no_body(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = "add_run_metadata_v1"
    monkeypatch.setitem(HANDLERS, name, example_handler(name))
    with httpx.Client(transport=MockServer().transport, base_url="http://test") as client:
        answer = client.post("/v1/runs/01K9V2D6N9P1R7Z4W8X3Y5A0BC/metadata", json={})
    assert (answer.status_code, answer.content) == (200, b"")
