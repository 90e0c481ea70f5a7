"""An exchange is judged by the document: status, content type, bodies and names of parameters."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .document import Document, Operation
    from .recordings import Recording

# Query names the recorder made up: to v1 another cache key, to v2 nothing at all.
MEANINGLESS = re.compile(r"[a-z_]|bogus|foo|nope|unknown")


def faults(document: Document, operation: Operation, recording: Recording) -> Iterator[str]:
    """Say what in an exchange is not as the document says."""
    yield from answer_faults(document, operation, recording)
    if not recording.is_refusal:
        yield from parameter_faults(operation, recording)
        yield from request_faults(document, operation, recording)


def answer_faults(document: Document, operation: Operation, recording: Recording) -> Iterator[str]:
    """Judge status, content type and body of the answer."""
    content = operation.content(recording.status)
    is_empty = recording.received in ("", None)
    if content is None:
        yield f"status {recording.status} is not documented for {operation.id}"
    elif not content:
        if not is_empty:
            yield "there is a body, and none is documented"
    elif is_empty:
        yield "there is no body, and one is documented"
    elif (media := media_type(content, recording.content_type)) is None:
        yield f"content type {recording.content_type!r} is not documented"
    else:
        yield from document.strict_faults(media["schema"], recording.received)


def media_type(content: Any, received: str) -> Any:
    """Find what a content type may carry: by its exact name, else without its parameters."""
    return content.get(received) or content.get(received.partition(";")[0].strip())


def parameter_faults(operation: Operation, recording: Recording) -> Iterator[str]:
    """Judge the parameters of an accepted request by name: those asked must be documented."""
    if set(re.findall(r"\{(\w+)\}", operation.path)) != operation.names("path"):
        yield "the path and its parameters disagree"
    for asked in recording.query:
        name = camel(asked) if operation.tag == "v2" else asked
        if name not in operation.names("query") and not MEANINGLESS.fullmatch(asked):
            yield f"query parameter {asked!r} is not documented"


def request_faults(document: Document, operation: Operation, recording: Recording) -> Iterator[str]:
    """Judge the body of an accepted request; a text is one that is no JSON, beyond any schema."""
    if recording.sent is None or isinstance(recording.sent, str):
        return
    schema = operation.schema_of_body()
    if schema is None:
        yield "a request body was accepted and none is documented"
    else:
        sent = recording.sent if operation.tag == "v2" else case_folded(recording.sent)
        yield from document.faults(schema, sent)


def camel(name: str) -> str:
    """Write a name of v2 as documented: the server takes snake_case, too."""
    return re.sub(r"_(\w)", lambda match: match[1].upper(), name)


def case_folded(body: Any) -> Any:
    """Write property names as documented: ingest and v1 match them without regard to case."""
    if isinstance(body, list):
        return [case_folded(each) for each in body]
    return {key.lower(): value for key, value in body.items()} if isinstance(body, dict) else body
