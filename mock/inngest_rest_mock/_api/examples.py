"""Answers of operations that have no code of their own: the document's examples.

What is created is kept, so that it can be listed, read, changed and deleted.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from inngest_rest_mock._api.document import described
from inngest_rest_mock._api.releases import OPERATIONS
from inngest_rest_mock._api.v1.shapes import v1_data, v1_error
from inngest_rest_mock._api.v2.shapes import v2_data, v2_error
from inngest_rest_mock._carriers.exchange import Response
from inngest_rest_mock._state.ids import stable_uuid

if TYPE_CHECKING:
    from inngest_rest_mock._api.call import Call, Handler


_ROUTES = {(each.method, each.path) for each in OPERATIONS.values()}


def example_handler(name: str) -> Handler:
    """Return the handler of an operation."""
    operation = described()[name]
    method, path = OPERATIONS[name].method, OPERATIONS[name].path
    collection = re.sub(r"/{\w+}$", "", path)
    # Both APIs have webhooks.
    noun = collection.rpartition("/")[2]
    is_kept = {("GET", collection), ("POST", collection)} <= _ROUTES

    def shown(item: dict[str, Any]) -> dict[str, Any]:
        """Return what this API has of an item, which the other may have made."""
        return {name: item[name] for name in item if name in operation.fields}

    def answer(call: Call) -> Response:
        if not operation.has_content:
            return Response(operation.status, ())
        if not is_kept:
            return _respond(call, operation.status, operation.example)
        kept = call.store.kept.setdefault(noun, {})
        if method == "POST":
            id = call.body.get("id") or stable_uuid(f"{noun} {len(kept)}")
            kept[id] = {**operation.example, **call.body, "id": id}
            return _respond(call, operation.status, kept[id])
        if path == collection:
            known: list[Any] = [] if operation.is_cloud_only else operation.example
            made = map(shown, kept.values())
            return _respond(call, operation.status, [*known, *made])
        (id,) = call.params
        if id not in kept:
            return _missing(call)
        if method == "DELETE":
            del kept[id]
            return _respond(call, operation.status, {"id": id})
        kept[id] |= call.body or {}
        return _respond(call, operation.status, shown(kept[id]))

    return answer


def _respond(call: Call, status: int, data: Any) -> Response:
    if "/v1/" in call.request.raw_path:
        return v1_data(data, call.now, status=status)
    return v2_data(data, call.now, status=status, page={} if call.query.limit else None)


def _missing(call: Call) -> Response:
    if "/v1/" in call.request.raw_path:
        return v1_error(404, "Not found")
    return v2_error(404, "not_found", "Not found")
