"""An append-only log of records, in order of arrival and by id."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")


class Log(Generic[T]):
    """Records by ULID: constant time to add, replace and get; paging by bisection."""

    def __init__(self) -> None:
        self._records: list[T] = []
        self._position: dict[str, int] = {}
        self._keys: list[str] = []
        self._sorted = True

    def add(self, key: str, record: T) -> None:
        """Append a record under a new key."""
        # A seeded id may be out of order; sorting is deferred to the next read.
        self._sorted = self._sorted and (not self._keys or self._keys[-1] < key)
        self._position[key] = len(self._records)
        self._records.append(record)
        self._keys.append(key)

    def replace(self, key: str, record: T) -> None:
        """Replace a record with a newer state."""
        self._records[self._position[key]] = record

    def clear(self) -> None:
        """Remove all records."""
        for each in (self._records, self._position, self._keys):
            each.clear()
        self._sorted = True

    def __getitem__(self, key: str) -> T:
        return self._records[self._position[key]]

    def get(self, key: str) -> T | None:
        """Return the record, or None."""
        position = self._position.get(key)
        return None if position is None else self._records[position]

    def newest_first(self, before: str | None = None) -> Iterator[T]:
        """Iterate by descending id, from the first one below `before`."""
        keys = self._sorted_keys()
        start = len(keys) if before is None else bisect_left(keys, before)
        for index in range(start - 1, -1, -1):
            yield self._records[self._position[keys[index]]]

    def oldest_first(self) -> Iterator[T]:
        """Iterate by ascending id."""
        for key in self._sorted_keys():
            yield self._records[self._position[key]]

    def arrived(self) -> tuple[T, ...]:
        """Return all records in order of arrival."""
        return tuple(self._records)

    def _sorted_keys(self) -> list[str]:
        if not self._sorted:
            self._keys.sort()
            self._sorted = True
        return self._keys
