"""The document has an example of each object that is not too long for one.

What was recorded has one of a recording; what its vendor documents alone has the document's own.
"""

from __future__ import annotations

import json
from typing import Any

from .document import Document
from .instances import accepted, is_whole, received
from .parsing import documented
from .sources import Sources
from .unrecorded import DOCUMENTED

DOCUMENT = Document.load()
SCHEMAS: Any = DOCUMENT.spec["components"]["schemas"]
EXCHANGES = [
    *documented(DOCUMENT).values(),
    # What only Inngest Cloud sends was not recorded: its vendor's documents have it.
    *(unrecorded.exchange(DOCUMENT, name) for name, unrecorded in DOCUMENTED.items()),
]
FOUND = [received(DOCUMENT, EXCHANGES), accepted(DOCUMENT, EXCHANGES)]
LONGEST = 300

# One event that ingest takes, with all that one may write.
WRITTEN = {"Event"}


def test_an_example_of_what_was_recorded_is_of_a_recording() -> None:
    invented = [
        name
        for name, schema in SCHEMAS.items()
        for example in schema.get("examples", ())
        if Sources.of(schema).recorded
        and name not in WRITTEN
        and not any(example in found[name] for found in FOUND)
    ]
    assert invented == []


def test_what_is_short_enough_has_an_example() -> None:
    to_add = {
        name: each
        for found in FOUND
        for name, values in found.items()
        if "examples" not in SCHEMAS[name] and not SCHEMAS[name].get("additionalProperties")
        for each in values
        if each and len(json.dumps(each)) <= LONGEST and is_whole(each)
    }
    assert to_add == {}, "write these as the examples of their schemas"
