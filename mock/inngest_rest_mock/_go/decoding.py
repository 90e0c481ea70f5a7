"""Decode JSON as Go's encoding/json does, with its error messages."""

from __future__ import annotations

import json
import re
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, NoReturn

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterator

_WORDS = {"t": "true", "f": "false", "n": "null"}
_SPACE = re.compile(r"[ \t\n\r]*")


class GoJsonError(ValueError):
    """Go rejects the text; the message is Go's own."""


@attrs.frozen
class Item:
    """One item of an array, with its text."""

    value: Any
    text: str

    @property
    def size(self) -> int:
        """The size in bytes."""
        return len(self.text.encode())


def _refuse_constant(name: str) -> NoReturn:
    first = name.removeprefix("-")[0]
    place = (
        "in numeric literal"
        if name.startswith("-")
        else "looking for beginning of value"
    )
    raise GoJsonError(f"invalid character {first!r} {place}")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def text_of(body: bytes) -> str:
    """Decode a body; invalid UTF-8 becomes U+FFFD as in Go."""
    return body.decode("utf-8", "replace")


def skip_space(text: str, position: int) -> int:
    """Return the position of the next character that is not whitespace."""
    match = _SPACE.match(text, position)
    return position if match is None else match.end()


def read_document(text: str) -> Any:
    """Decode a single value, as json.Unmarshal does; raise GoJsonError."""
    start = skip_space(text, 0)
    value, end = _read(text, start, "unexpected end of JSON input")
    rest = skip_space(text, end)
    if rest < len(text):
        raise GoJsonError(
            f"invalid character {_quoted(text[rest])} after top-level value"
        )
    return value


def read_first(text: str) -> Any:
    """Decode the first value and ignore the rest, as Decoder.Decode does; raise GoJsonError."""
    start = skip_space(text, 0)
    if start == len(text):
        raise GoJsonError("EOF")
    return _read(text, start, "unexpected EOF")[0]


def read_array(text: str, start: int) -> Iterator[Item]:
    """Yield the items of an array, starting after its bracket; raise GoJsonError.

    Like the server's loop, this accepts a missing end and anything after the end.
    """
    position = skip_space(text, start)
    first = True
    while position < len(text) and text[position] not in "]}":
        if not first:
            if text[position] != ",":
                raise GoJsonError("expected comma after array element")
            position = skip_space(text, position + 1)
            if position == len(text):
                raise GoJsonError("EOF")
        value, end = _read(text, position, "unexpected EOF")
        yield Item(value, text[position:end])
        position = skip_space(text, end)
        first = False


def _read(text: str, start: int, truncated: str) -> tuple[Any, int]:
    try:
        value, end = _DECODER.raw_decode(text, start)
    except json.JSONDecodeError as error:
        raise GoJsonError(_explain(error, text, start, truncated)) from None
    except RecursionError:
        raise GoJsonError("exceeded max depth") from None
    return value, end


def _explain(error: json.JSONDecodeError, text: str, start: int, truncated: str) -> str:
    if error.msg.startswith("Invalid control character"):
        return f"invalid character {_quoted(text[error.pos])} in string literal"
    is_at_comma = "Illegal trailing comma" in error.msg  # the wording of Python 3.13
    position = skip_space(text, error.pos + is_at_comma)
    if error.msg.startswith("Unterminated string") or position >= len(text):
        return truncated
    character = text[position]
    word = _WORDS.get(character)
    if error.msg == "Expecting value" and word is not None:
        known = max(n for n in range(len(word)) if text.startswith(word[:n], position))
        if position + known == len(text):
            return truncated
        wrong = _quoted(text[position + known])
        return f"invalid character {wrong} in literal {word} (expecting {_quoted(word[known])})"
    if error.msg.startswith("Invalid \\"):
        return f"invalid character {_quoted(text[position + 1 :][:1])} in string escape code"
    in_object = _innermost_bracket(text, start, position) == "{"
    if error.msg == "Expecting ':' delimiter":
        place = "after object key"
    elif error.msg == "Expecting ',' delimiter":
        place = "after object key:value pair" if in_object else "after array element"
    elif in_object and error.msg != "Expecting value":
        place = "looking for beginning of object key string"
    elif literal := next(
        (it for it in ("null", "true", "false") if it[0] == character), None
    ):
        # It began as a literal, up to the first character that does not belong to one.
        rest = text[position : position + len(literal)]
        at = next(at for at, (a, b) in enumerate(zip_longest(literal, rest)) if a != b)
        character, place = (
            rest[at : at + 1],
            f"in literal {literal} (expecting {literal[at]!r})",
        )
    else:
        place = "looking for beginning of value"
    return f"invalid character {_quoted(character)} {place}"


def _innermost_bracket(text: str, start: int, end: int) -> str:
    opened: list[str] = []
    for token in re.finditer(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', text[start:end]):
        if token[0] in "[{":
            opened.append(token[0])
        elif token[0] in "]}" and opened:
            opened.pop()
    return opened[-1] if opened else ""


def _quoted(character: str) -> str:
    """Quote a character as Go's quoteChar does."""
    if character == "'":
        return r"'\''"
    if character == '"':
        return "'\"'"
    return "'" + json.dumps(character, ensure_ascii=False)[1:-1] + "'"
