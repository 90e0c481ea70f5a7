"""The shape of an answer: which fields of a record are returned, and how long a text may be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
from attrs import frozen

from inngest_rest.cli.suggestions import not_valid
from inngest_rest.operations.parameters import ParameterError

if TYPE_CHECKING:
    from collections.abc import Iterable

# Paths of one warning.
_MOST_NAMED = 10


@frozen(eq=False, repr=False)
class Shape:
    """What is left of a record.

    Attributes:
        fields: The fields to return, in this order; None for all.
        max_chars: Number of characters that a text has at most; None for any number.
    """

    fields: tuple[str, ...] | None = None
    max_chars: int | None = None

    @classmethod
    def of(cls, fields: str | None, max_chars: int | None, kinds: tuple[type[Any], ...]) -> Shape:
        """Return the shape that options name.

        Args:
            fields: Names, separated by commas.
            max_chars: The number of characters.
            kinds: The classes of records, each of which has to have at least one of the fields.

        Raises:
            ParameterError: None of the classes has such a field; or the number is less than 1.
        """
        if max_chars is not None and max_chars < 1:
            raise ParameterError(
                f"max_chars is {max_chars}: it must be at least 1", field="max_chars"
            )
        if fields is None:
            return cls(None, max_chars)
        names = tuple(name.strip().replace("-", "_") for name in fields.split(","))
        valid = list(dict.fromkeys(name for kind in kinds for name in field_names(kind)))
        for name in names:
            if name not in valid:
                message = not_valid("unknown field", name, valid)
                raise ParameterError(message, field="fields")
        return cls(tuple(dict.fromkeys(names)), max_chars)

    def select(self, record: dict[str, Any]) -> dict[str, Any]:
        """Return the fields of a record that are wanted."""
        if self.fields is None:
            return record
        return {name: record[name] for name in self.fields if name in record}

    def keeps(self, path: str) -> bool:
        """Return whether what is at a path of a record is wanted."""
        return self.fields is None or path.partition(".")[0].removesuffix("[]") in self.fields

    def cut(self, data: Any, path: str) -> tuple[Any, list[str]]:
        """Cut the texts that are too long; return the paths of those, too."""
        if self.max_chars is None:
            return data, []
        from inngest_rest.operations import bounds  # noqa: PLC0415 - few ask for it

        return bounds.cut(data, self.max_chars, path=path)

    def warnings(self, paths: list[str]) -> Iterable[str]:
        """Return the warning that names what was cut, if anything was."""
        if not paths:
            return ()
        named = ", ".join(paths[:_MOST_NAMED])
        more = len(paths) - _MOST_NAMED
        rest = f" and {more} more" if more > 0 else ""
        return (f"cut at {self.max_chars} characters: {named}{rest}",)


def field_names(kind: type[Any]) -> tuple[str, ...]:
    """Return the names of the public fields of a record."""
    return tuple(each.name for each in attrs.fields(kind) if not each.name.startswith("_"))
