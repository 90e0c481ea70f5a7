"""Which parts of an answer are text from outside: data for its reader, never instructions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast, get_type_hints

from inngest_rest.call_row import Returns
from inngest_rest_tools.form import form_of
from inngest_rest_tools.projection import record_class, record_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inngest_rest.call_row import CallRow
    from inngest_rest.record import Record


def untrusted_paths(row: CallRow) -> tuple[str, ...]:
    """Return the paths in an answer to untrusted text: payloads, outputs, messages."""
    place = "data" if row.returns is Returns.ONE else "data.items[]"
    return tuple(_paths_in(record_class(row), place))


def _paths_in(kind: type[Record], place: str) -> Iterator[str]:
    own = form_of(kind).untrusted
    for name in own:
        yield f"{place}.{name}"
    for name, hint in get_type_hints(kind).items():
        if name in own:
            continue
        nested = record_in(hint)
        if nested is not None:
            brackets = "[]" if "tuple[" in str(hint) else ""
            yield from _paths_in(nested, f"{place}.{name}{brackets}")


def is_present(answer: Any, path: str) -> bool:
    """Return whether JSON has a value at a path, in any item where the path names a list."""
    if not isinstance(answer, dict):
        return False
    name, _, rest = path.partition(".")
    value: Any = cast("dict[str, Any]", answer).get(name.removesuffix("[]"))
    if name.endswith("[]"):
        items: list[Any] = value or []
        return any(_is_present_below(item, rest) for item in items)
    return _is_present_below(value, rest)


def _is_present_below(value: Any, path: str) -> bool:
    if value is None:
        return False
    return not path or is_present(value, path)
