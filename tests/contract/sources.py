"""The sources of responses and schemas: what `x-source` claims, and what the recordings show."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from .conformance import camel, media_type
from .document import is_placeholder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from .document import Document, Object
    from .parsing import Exchange

FORM = re.compile(r"(?P<kind>recorded|read)(?P<releases>( \d+\.\d+)+)|documented|requested")
SCHEMA = "#/components/schemas/"


class Sources(NamedTuple):
    """The sources of a response or schema, as `x-source` lists them.

    Attributes:
        recorded: The releases that were seen to send it.
        read: The releases whose source code has it.
        documented: Whether the vendor documents it.
        requested: Whether this project was asked to serve it.
    """

    recorded: frozenset[str]
    read: frozenset[str]
    documented: bool
    requested: bool

    @classmethod
    def of(cls, node: Object) -> Self:
        """Read the sources of a response or schema.

        Raises:
            ValueError: One of them has another form.
        """
        stated: list[str] = node.get("x-source", [])
        found = [FORM.fullmatch(each) for each in stated]
        if None in found:
            raise ValueError(f"not a source: {stated}")
        releases = {each["kind"]: each["releases"].split() for each in found if each and each[1]}
        return cls(
            recorded=frozenset(releases.get("recorded", ())),
            read=frozenset(releases.get("read", ())),
            documented="documented" in stated,
            requested="requested" in stated,
        )

    @property
    def is_of_words(self) -> bool:
        """Whether no recording shows all of it: the vendor documents it, or it was only read."""
        return self.documented or bool(self.read and not self.recorded)

    def __str__(self) -> str:
        """Write them as `x-source` has them."""
        parts = [" ".join(("recorded", *sorted(self.recorded)))] * bool(self.recorded)
        parts += [" ".join(("read", *sorted(self.read)))] * bool(self.read)
        parts += ["documented"] * self.documented + ["requested"] * self.requested
        return ", ".join(parts)


def releases_by_response(exchanges: Iterable[Exchange]) -> Mapping[tuple[str, int], set[str]]:
    """Return which releases were recorded to respond with each status, by operation and status."""
    found: dict[tuple[str, int], set[str]] = defaultdict(set)
    for recording, operation in exchanges:
        found[operation.id, recording.status].add(recording.minor_release)
    return found


def releases_by_schema(document: Document, exchanges: Iterable[Exchange]) -> Mapping[str, set[str]]:
    """Return which releases were recorded to send, or to accept, something of each schema."""
    found: dict[str, set[str]] = defaultdict(set)
    for exchange in exchanges:
        for schema, value in _parts(exchange):
            for name in _names(document, schema, value):
                found[name].add(exchange.recording.minor_release)
    return found


def _parts(exchange: Exchange) -> Iterator[tuple[Object, Any]]:
    """Yield the body of the response and what was accepted in the request, with their schemas."""
    recording, operation = exchange
    content = operation.content(recording.status)
    if content and recording.received not in ("", None):
        yield media_type(content, recording.content_type)["schema"], recording.received
    if recording.is_refusal:
        return
    body = operation.schema_of_body()
    if body is not None and isinstance(recording.sent, dict | list):
        yield body, recording.sent
    asked = {camel(name) for name in recording.query}
    for parameter in operation.parameters:
        if parameter["name"] in asked:
            schema = parameter["schema"]
            yield schema.get("items", schema), None


def _names(document: Document, schema: Object, value: Any) -> Iterator[str]:
    """Yield the names of the component schemas that a value has something of."""
    if is_placeholder(value):
        return
    if (reference := schema.get("$ref", "")).startswith(SCHEMA):
        yield reference.removeprefix(SCHEMA)
        schema = document.resolved(schema)
    for member in [*schema.get("oneOf", ()), *schema.get("anyOf", ())]:
        if not document.strict_faults(member, value):
            yield from _names(document, member, value)
            return
    if isinstance(value, dict):
        described = schema.get("properties", {})
        for name in value.keys() & described.keys():
            yield from _names(document, described[name], value[name])
    elif isinstance(value, list) and "items" in schema:
        for item in value:
            yield from _names(document, schema["items"], item)
