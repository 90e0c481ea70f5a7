"""Check an exchange against the document: status, content type, bodies and parameter names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .document import Document, DocumentedOperation
    from .recordings import Recording

# Query parameters made up for recording: another cache key for v1, ignored by v2.
MEANINGLESS = re.compile(r"[a-z_]|bogus|foo|nope|unknown")


def faults(
    document: Document,
    operation: DocumentedOperation,
    recording: Recording,
    *,
    allows_more: bool = False,
) -> Iterator[str]:
    """Return how an exchange differs from the document.

    Args:
        document: The document.
        operation: The operation of the exchange.
        recording: The exchange.
        allows_more: Whether the server may send more than is documented: properties, values of an
            enum, and in its own list operations and parameters. A newer release does.
    """
    judge = document.tolerant_faults if allows_more else document.strict_faults
    yield from answer_faults(operation, recording, judge)
    if not recording.is_refusal:
        yield from parameter_faults(operation, recording)
        yield from request_faults(document, operation, recording)
        if operation.id == "listOperationsV2" and not allows_more:
            yield from listed_faults(document, recording.received)


def general(fault: str) -> str:
    """Return a fault without what is of one response: positions in lists, and ids."""
    return re.sub(r"\[\d+\]|\b[0-9A-HJKMNP-TV-Z]{26}\b", lambda it: "[]" * (it[0][0] == "["), fault)


def listed_faults(document: Document, received: Any) -> Iterator[str]:
    """Check the operations that a server lists of itself, and the parameters of each."""
    for listed in received["data"]["operations"]:
        if (http := listed.get("http")) is None:
            continue  # of tools alone
        path = f"/v2{http['path']}"
        operation = document.match(http["method"], path)
        if operation is None:
            yield f"lists {http['method']} {path}, which is not documented"
            continue
        body = operation.schema_of_body() or {}
        fields = document.resolved(body).get("properties", {})
        known = {*operation.names("path"), *operation.names("query"), *fields}
        for name in listed["mcp"]["inputSchema"].get("properties", {}):
            if name not in known:
                yield f"lists a parameter {name!r} of {operation.id}, which is not documented"


def answer_faults(
    operation: DocumentedOperation, recording: Recording, judge: Callable[[Any, Any], list[str]]
) -> Iterator[str]:
    """Check status, content type and body of the response."""
    content = operation.content(recording.status)
    is_empty = recording.received in ("", None)
    if content is None:
        yield f"status {recording.status} is not documented for {operation.id}"
    elif not content:
        if not is_empty:
            yield "it has a body, but none is documented"
    elif is_empty:
        yield "it has no body, but one is documented"
    elif (media := media_type(content, recording.content_type)) is None:
        yield f"content type {recording.content_type!r} is not documented"
    else:
        yield from judge(media["schema"], recording.received)


def media_type(content: Any, received: str) -> Any:
    """Find the schema of a content type: by its exact name, else without its parameters."""
    return content.get(received) or content.get(received.partition(";")[0].strip())


def parameter_faults(operation: DocumentedOperation, recording: Recording) -> Iterator[str]:
    """Check the parameter names of an accepted request: all must be documented."""
    if set(re.findall(r"\{(\w+)\}", operation.path)) != operation.names("path"):
        yield "the path and its parameters disagree"
    is_lenient = operation.tag == "v2"  # until 1.44, what the path has is ignored in the query
    for asked in recording.query:
        name = camel(asked) if operation.tag == "v2" else asked
        known = operation.names("query") | (operation.names("path") if is_lenient else set())
        if name not in known and not MEANINGLESS.fullmatch(asked):
            yield f"query parameter {asked!r} is not documented"


def request_faults(
    document: Document, operation: DocumentedOperation, recording: Recording
) -> Iterator[str]:
    """Check the body of an accepted request; text, which is not JSON, has no schema."""
    if recording.sent is None or isinstance(recording.sent, str):
        return
    schema = operation.schema_of_body()
    if schema is None and operation.tag == "v2" and recording.method == "GET":
        return  # until 1.44, v2 ignores the body of a GET
    if schema is None:
        yield "a request body was accepted, but none is documented"
    else:
        is_v2 = operation.tag == "v2"
        sent = without_nulls(recording.sent) if is_v2 else case_folded(recording.sent)
        yield from document.faults(schema, sent)


def camel(name: str) -> str:
    """Convert a parameter name of v2 to the documented form: the server accepts snake_case, too."""
    return re.sub(r"_(\w)", lambda match: match[1].upper(), name)


def without_nulls(body: Any) -> Any:
    """Leave out null properties, as protobuf's JSON does."""
    if isinstance(body, list):
        return [without_nulls(each) for each in body]
    if isinstance(body, dict):
        return {key: without_nulls(value) for key, value in body.items() if value is not None}
    return body


def case_folded(body: Any) -> Any:
    """Convert property names to the documented form: ingest and v1 ignore their case."""
    if isinstance(body, list):
        return [case_folded(each) for each in body]
    return {key.lower(): value for key, value in body.items()} if isinstance(body, dict) else body
