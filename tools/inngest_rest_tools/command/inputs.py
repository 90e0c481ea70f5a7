"""From typed texts to values: JSON, the text of a file (@FILE) or of standard input (@-).

The stages of a command line have one name each: its *tokens*, as the shell splits them; the *typed*
texts by parameter and option; *values*, as JSON has them; and the *arguments* of the method.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

from inngest_rest.programs import shown
from inngest_rest_tools.parameter import Kind, refused, unusable_file
from inngest_rest_tools.parameters import parameters

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from inngest_rest.call_row import CallRow
    from inngest_rest_tools.command.arguments import Typed
    from inngest_rest_tools.parameter import Parameter

_STANDARD_INPUT = "standard input"


@frozen
class _Text:
    """A text, and where it was read; None if it was typed itself."""

    content: str
    place: str | None = None


@define
class Inputs:
    """Reads typed texts as values, and notes the files that it reads."""

    files: list[str] = field(factory=list)

    def values(self, row: CallRow, typed: Typed) -> dict[str, Any]:
        """Return the values of a call's parameters: typed ones override those of `--params`."""
        values: dict[str, Any] = {}
        if "params" in typed:
            values |= self.json("params", typed["params"], dict)
        for parameter in parameters(row):
            name = parameter.name
            if name in typed:
                values[name] = self._value(parameter, typed[name])
        return values

    def _value(self, parameter: Parameter, typed: Any) -> Any:
        name = parameter.name
        if parameter.is_json:
            is_object = parameter.kind is Kind.OBJECT and not parameter.is_many
            return self.json(name, typed, dict if is_object else object)
        if parameter.is_named:
            return self._named(parameter, typed)
        if parameter.is_many and parameter.is_positional:
            return list(self.ids(name, typed))
        if not parameter.is_text:
            return typed
        or_literally = f" (for the text itself, write @{typed})"
        if parameter.is_many:
            return [self._read(name, text, or_literally).content for text in typed]
        return self._read(name, typed, or_literally).content

    def _named(self, parameter: Parameter, typed: Iterable[str]) -> dict[str, Any]:
        """Return the values by name that were typed one by one, or as JSON."""
        name = parameter.name
        pairs: list[tuple[str, Any]] = []
        for text in typed:
            if text == "-" or text.startswith(("{", "@")):
                pairs += self.json(name, text, dict).items()
            elif parameter.kind is Kind.SPANS:
                pairs.append(_name_and_span(text))
            else:
                pairs += map(_name_and_path, text.split(","))
        values = dict(pairs)
        if len(values) < len(pairs):
            repeated, _ = Counter(key for key, _ in pairs).most_common(1)[0]
            raise refused(name, f"{shown(repeated)} is there twice")
        return values

    def text(self, name: str, typed: str) -> str:
        """Return the typed text, or that of a file (@FILE) or of standard input (@-)."""
        return self._read(name, typed).content

    def json(self, name: str, typed: str, kind: type[object] = object) -> Any:
        """Parse JSON that was typed or read, or TOML from a file with that ending."""
        text = self._read(name, _as_reference(typed))
        is_toml = text.place is not None and text.place.endswith(".toml")
        try:
            if is_toml:
                value: Any = _toml(text.content)
            else:
                value = json.loads(text.content)
        except (ValueError, RecursionError) as error:
            language = "TOML" if is_toml else "JSON"
            reason = f"{text.place or 'the argument'} is not {language}: {error}"
            raise refused(name, reason) from None
        if not isinstance(value, kind):
            raise refused(name, "this is not a JSON object")
        return value

    def ids(self, name: str, typed: Iterable[str]) -> Iterator[str]:
        """Yield the typed ids, and the words of files that were typed instead of ids."""
        for word in typed:
            text = self._read(name, _as_reference(word))
            if text.place is None:
                yield text.content
                continue
            ids = text.content.split()
            if not ids:
                raise refused(name, f"there are none in {text.place}")
            yield from ids

    def _read(self, name: str, typed: str, or_literally: str = "") -> _Text:
        path = typed.removeprefix("@")
        if path == typed or path.startswith("@"):
            return _Text(path)
        place = _STANDARD_INPUT if path == "-" else path
        try:
            if path == "-":
                content = sys.stdin.read()
            else:
                self.files.append(path)
                content = Path(path).read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise unusable_file(name, place + or_literally, error) from None
        return _Text(content.rstrip("\r\n"), place)


def _name_and_span(typed: str) -> tuple[str, str]:
    """Return the two parts of NAME=TIME."""
    name, _, span = typed.partition("=")
    return name, span


def _name_and_path(typed: str) -> tuple[str, str]:
    """Return the two parts of NAME=PATH; for a path alone, the name that a table gives it."""
    name, has_path, path = typed.strip().partition("=")
    return (name, path) if has_path else (name.replace(".", "_"), name)


def _as_reference(typed: str) -> str:
    """Return what was typed, but the short form of standard input as @-."""
    return "@-" if typed == "-" else typed


def _toml(text: str) -> dict[str, Any]:
    from tomllib import loads  # noqa: PLC0415 - few have a file of it

    return loads(text)
