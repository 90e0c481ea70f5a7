"""Files that only their owner may read, since they hold events."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from pathlib import Path


def create_private(path: Path) -> BinaryIO:
    """Create a file with mode 0600 and open it for writing; nothing may be there, not even a link.

    Raises:
        FileExistsError: Something is there.
    """
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0)
    file = os.fdopen(os.open(path, flags, 0o600), "wb")
    if hasattr(os, "fchmod"):
        # A umask can take the owner's rights away as well.
        os.fchmod(file.fileno(), 0o600)
    return file


def append_private(path: Path) -> BinaryIO:
    """Open a file to append to it; its mode stays, and is 0600 should it have been moved away."""
    return open(path, "ab", opener=partial(os.open, mode=0o600))
