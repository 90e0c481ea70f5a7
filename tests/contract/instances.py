"""The objects in recorded exchanges, by the names of the schemas that describe them."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from .conformance import media_type
from .document import is_placeholder
from .mutations import places

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .document import Document, Object
    from .parsing import Exchange

Instances = dict[str, list[Any]]


def received(document: Document, exchanges: Iterable[Exchange]) -> Mapping[str, list[Any]]:
    """Collect the objects in responses."""
    found: Instances = defaultdict(list)
    for recording, operation in exchanges:
        content = operation.content(recording.status)
        if content and recording.received:
            schema = media_type(content, recording.content_type)["schema"]
            _collect(document, schema, recording.received, found)
    return found


def accepted(document: Document, exchanges: Iterable[Exchange]) -> Mapping[str, list[Any]]:
    """Collect the objects in requests that a server accepted, as far as they are as documented."""
    found: Instances = defaultdict(list)
    for recording, operation in exchanges:
        schema = operation.schema_of_body()
        if schema is None or recording.is_refusal or not isinstance(recording.sent, dict | list):
            continue
        if not document.strict_faults(schema, recording.sent):
            _collect(document, schema, recording.sent, found)
    return found


def is_whole(value: Any) -> bool:
    """Return whether nothing in a recorded value is a placeholder."""
    if is_placeholder(value):
        return False
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return all(map(is_whole, parts))


def _collect(document: Document, schema: Object, body: Any, found: Instances) -> None:
    names = {id(each): name for name, each in document.spec["components"]["schemas"].items()}
    for place in places(document, schema, body, ()):
        if isinstance(place.value, dict) and id(place.schema) in names:
            found[names[id(place.schema)]].append(place.value)
