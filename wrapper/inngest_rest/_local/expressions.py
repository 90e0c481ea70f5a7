"""CEL, evaluated here by the library of the extra `explain`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

from inngest_rest._local.arguments import check_text, invalid
from inngest_rest._values.extras import how_to_install
from inngest_rest._values.visible import did_you_mean, shown
from inngest_rest.models import StoredEvent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Longer expressions or deeper data could overflow the CEL library's stack.
_LONGEST = 1_000
_DEEPEST_DATA = 100

# The subset in which library and servers agree. They differ in arithmetic and functions: size("é")
# is 2 and 1, and 1 + 1 is "11" on a server if one operand comes from JSON.
_OPERATORS = {
    "_==_",
    "_!=_",
    "_<_",
    "_<=_",
    "_>_",
    "_>=_",
    "_&&_",
    "_||_",
    "!_",
    "@in",
    "_[_]",
}

# A text; a name after a dot, unless it is a method, and one in an index; any index.
_TEXT = r"""(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')"""
_NAME = rf"\s*\.\s*\w+\b(?!\s*\()|\s*\[\s*{_TEXT}\s*\]"
_INDEX = r"""\s*\[[^\[\]"']*\]"""

# A text or a comment, which may contain anything, or a field of the event without `event`.
_FIELD = rf"{_TEXT}|//.*|(?<![\w.])event((?:{_NAME}|{_INDEX})+)"

# The variable of a macro.
_BOUND = r"\.\s*(?:all|exists|exists_one|map|filter)\s*\(\s*(\w+)\s*,"


class Expression:
    """The caller's expression on some of the allowed variables."""

    def __init__(self, name: str, text: str, variables: tuple[str, ...]) -> None:
        """Compile an expression; reject other text than CEL, and other variables."""
        self.text = check_text(name, text).strip()
        if len(self.text) > _LONGEST:
            raise invalid(name, f"has more than {_LONGEST:,} characters")
        try:
            import cel  # noqa: PLC0415
        except ImportError as error:
            how = f"Install it: {how_to_install('explain')}"
            raise invalid(name, "requires a CEL library", how=how) from error
        try:
            self._program = cel.compile(self.text)
        except Exception as error:  # noqa: BLE001 - the library has no exception class
            _, _, details = str(error).partition("ERROR: ")
            first_line, _, _ = details.partition("\n")
            reason = first_line or str(error)
            raise invalid(name, f"is not CEL: {reason}; {shown(self.text)}") from None
        bound = {*re.findall(_BOUND, self.text)}
        bound.difference_update(variables)
        self.names = {*self._program.variables()} - bound
        if not self.names:
            raise invalid(name, "names no variable, so it selects all or nothing")
        unknown = sorted(self.names.difference(variables))
        if unknown:
            hint = did_you_mean(unknown[0], variables)
            raise invalid(name, f"names {unknown[0]!r}{hint}")

    def verdict(self, values: Mapping[str, Any]) -> bool | str:
        """Return whether it is true, or why that cannot be decided."""
        data = (values.get("event"), values.get("output"))
        if not all(map(_is_json, data)):
            return "the data is nested too deep"
        try:
            value = self._program.execute(dict(values))
        except Exception as error:  # noqa: BLE001 - the library has no exception class
            return _reason(error)
        if isinstance(value, bool):
            return value
        return f"it is {shown(value)}, not true or false"


def _reason(error: Exception) -> str:
    """Return the beginning of the library's message."""
    message = f"there is no {error}" if isinstance(error, KeyError) else str(error)
    first_sentence, _, _ = message.partition(". ")
    reason, _, _ = first_sentence.partition(": ")
    return reason[:120]


def event_paths(text: str) -> list[tuple[str, ...]]:
    """Return the paths of names to the fields of the event that an expression names."""
    paths: list[tuple[str, ...]] = []
    for field in _fields_of_event(text):
        names = re.match(f"(?:{_NAME})*", field)
        assert names is not None  # any text matches
        path = re.findall(r"""\.\s*(\w+)|["'](.*?)["']""", names[0])
        paths.append(tuple(name or index for name, index in path))
    return list(dict.fromkeys(filter(None, paths)))


def _fields_of_event(text: str) -> list[str]:
    return [field for field in re.findall(_FIELD, text) if field]


def of_event(event: StoredEvent) -> dict[str, Any]:
    """Return the fields of an event for expressions."""
    fields: dict[str, Any] = {
        "id": None if event.id == event.internal_id else event.id,
        "name": event.name,
        "data": event.data,
        "user": event.user,
        "ts": event.ts,
        "v": event.v,
    }
    return {name: value for name, value in fields.items() if value is not None}


def as_stored(event: Mapping[str, Any], internal_id: str = "") -> StoredEvent:
    """Return an unsent event as a condition would see it, once stored with its `ts`."""
    ts = event.get("ts")
    if not isinstance(ts, int):
        ts = None
    return StoredEvent(
        internal_id=internal_id,
        id=event.get("id") or internal_id,
        name=event["name"],
        data=event.get("data") or {},
        ts=ts,
        user=event.get("user"),
        v=event.get("v"),
    )


def holds(condition: str | None, event: StoredEvent) -> bool | None:
    """Evaluate the condition of a trigger (its `if`, in CEL) for an event.

    None if servers may evaluate it differently: they take a missing field for null, or for unknown,
    or fail; and they keep backslashes in strings.
    """
    if not condition:
        return True
    fields = of_event(event)
    if len(condition) > _LONGEST or "\\" in condition or not _is_json(fields):
        return None
    try:
        import cel  # noqa: PLC0415

        program = cel.compile(condition)
        if not _OPERATORS.issuperset(program.functions()):
            return None
        for field in _fields_of_event(condition):
            # Raises if the event lacks it.
            cel.compile(f"event{field}").execute({"event": fields})
        value = program.execute({"event": fields})
    except Exception:  # noqa: BLE001 - the library has no exception class
        return None
    return value if isinstance(value, bool) else None


def evaluate(text: str, events: Mapping[str, StoredEvent]) -> Any:
    """Return the value of an expression on events, by the names of its variables.

    Raises:
        KeyError: It names a field that an event lacks.
        ValueError: The value is unknown: it is not CEL, or too long or nested too deep.
    """
    variables = {name: of_event(event) for name, event in events.items()}
    if len(text) > _LONGEST or not all(map(_is_json, variables.values())):
        raise ValueError("too long, or nested too deep")
    try:
        import cel  # noqa: PLC0415

        return cel.compile(text).execute(variables)
    except KeyError:
        raise
    except Exception as error:  # noqa: BLE001 - the library has no exception class
        raise ValueError(str(error)) from None


def _is_json(value: object, depth: int = _DEEPEST_DATA) -> bool:
    """Return whether data is plain JSON and not deeply nested."""
    if not isinstance(value, dict | list):
        return value is None or type(value) in {str, int, float, bool}
    if depth == 0:
        return False
    parts = cast("Iterable[object]", value)
    if isinstance(value, dict):
        parts = cast("Iterable[object]", value.values())
    return all(_is_json(part, depth - 1) for part in parts)
