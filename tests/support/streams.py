"""A stream that cannot be written to."""

from __future__ import annotations

import io


class Broken(io.StringIO):
    """A stream one of whose methods raises an error when it is first called."""

    def __init__(self, method: str, error: OSError) -> None:
        super().__init__()
        self._errors = {method: error}

    def write(self, text: str) -> int:
        self._fail("write")
        return super().write(text)

    def flush(self) -> None:
        self._fail("flush")

    def _fail(self, method: str) -> None:
        if error := self._errors.pop(method, None):
            raise error
