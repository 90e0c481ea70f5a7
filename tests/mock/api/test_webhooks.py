"""Webhooks, which the open-source server does not have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import httpx


@pytest.mark.parametrize("wrap", [True, False])
def test_webhook_lives_from_post_to_delete(client: httpx.Client, wrap: bool) -> None:
    fields = {"name": "Clerk", "transform": "function transform(evt) { return evt; }"}
    body = {"data": fields} if wrap else fields
    made = client.post("/v1/webhooks", json=body).json()["data"]
    assert made.items() >= fields.items()
    assert made["url"].startswith("https://inn.gs/e/")
    path = f"/v1/webhooks/{made['id']}"
    assert client.get(path).json()["data"] == made
    changed = client.put(path, json={"name": "Other"}).json()["data"]
    assert changed == {**made, "name": "Other"}
    assert client.get("/v1/webhooks").json()["data"] == [changed]
    assert client.delete(path).json()["data"] == {"id": made["id"]}
    gone = [client.request(method, path) for method in ("GET", "PUT", "DELETE")]
    assert [each.status_code for each in gone] == [404, 404, 404]
    assert [each.json()["status"] for each in gone] == [404, 404, 404]


def test_malformed_webhook_requests_are_refused(client: httpx.Client) -> None:
    assert client.get("/v1/webhooks/nope").json()["status"] == 404
    made = client.post("/v1/webhooks", json={"name": "Clerk"}).json()["data"]
    for body in ("[]", "{", '{"name":5}'):
        assert client.post("/v1/webhooks", content=body).status_code == 400
        assert client.put(f"/v1/webhooks/{made['id']}", content=body).status_code == 400
    assert client.get("/v1/webhooks").json()["data"] == [made]
