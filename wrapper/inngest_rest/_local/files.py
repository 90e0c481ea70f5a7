"""Files of our own, such as states and checkpoints: each is whole, or the one before."""

from __future__ import annotations

import errno
import os
import re
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from inngest_rest.errors import InvalidArgumentError

try:
    import fcntl
except ImportError:  # pragma: no cover - on Windows
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Generator

STDIN = "-"
"""The path that stands for standard input."""


def read_file(path: Path) -> bytes | None:
    """Return what is in a file, or None if there is none; OSError if it cannot be read."""
    try:
        check_is_regular(path)
        return path.read_bytes()
    except FileNotFoundError:
        return None


@contextmanager
def whole_file(path: Path) -> Generator[BinaryIO]:
    """Yield a new file for its owner alone, which replaces the one at a path once it is on disk.

    Until then, and after an error, what was there before is as it was. To lock such a file, lock
    another one: this one is a new file after each call.
    """
    with suppress(FileNotFoundError):
        check_is_regular(path)
    draft = path.with_name(f".{path.name}.new")
    # Left by a crash, or a planted link.
    draft.unlink(missing_ok=True)
    file = create_file(draft)
    own = os.fstat(file.fileno())
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if not _is_at(draft, own):
            raise OSError(errno.EBUSY, "another process began to write it", str(path))
        draft.replace(path)
    except BaseException:
        with suppress(OSError):
            if _is_at(draft, own):
                draft.unlink()
        raise


def _is_at(path: Path, own: os.stat_result) -> bool:
    try:
        return os.path.samestat(path.stat(follow_symlinks=False), own)
    except FileNotFoundError:
        return False


def replace_file(path: Path, content: bytes) -> None:
    """Write a file as `whole_file` does."""
    with whole_file(path) as file:
        file.write(content)


def create_file(path: Path) -> BinaryIO:
    """Create a file with mode 0600 and open it for writing; never follow a link."""
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0)
    file = os.fdopen(os.open(path, flags, 0o600), "wb")
    if hasattr(os, "fchmod"):
        # A umask can remove the owner's permissions, too.
        os.fchmod(file.fileno(), 0o600)
    return file


@contextmanager
def usable(argument: str, path: object) -> Generator[None]:
    """Raise the system's errors about a file, which an argument named, in one sentence of ours."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        reason = f"{reason[:1].lower()}{reason[1:]}"
        raise InvalidArgumentError(
            f"cannot use {path}: {reason}", argument=argument
        ) from error


def check_is_regular(path: Path) -> None:
    """Refuse a device, which must not be replaced, and a pipe, which blocks its reader."""
    path.stat()
    if not path.is_file():
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))


def rejected_path(
    source: str, name: str, dead_letters: str | os.PathLike[str] | None = None
) -> Path:
    """Return the path of rejected lines: beside the file; for other input, in this folder."""
    beside = re.sub(r"[^\w.-]", "_", name) if source == STDIN else source
    return Path(dead_letters or f"{beside}.rejected.ndjson")


def reasons_path(path: Path) -> Path:
    """Return the path of the reasons why lines were rejected, beside those."""
    return path.with_name(f"{path.stem}.reasons{path.suffix}")


def lock_file(file: int) -> None:
    """Lock a file until it is closed, or its process ends; BlockingIOError if it is locked."""
    if fcntl is not None:  # pragma: no branch - on Windows
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise
        except OSError:
            pass  # some network file systems have none
