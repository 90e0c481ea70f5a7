"""Files of our own: each is whole, or the one before."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from inngest_rest import InvalidArgumentError
from inngest_rest._local.files import read_file, replace_file, usable
from tests.support.disk import fill_disk

if TYPE_CHECKING:
    from pathlib import Path


def test_on_a_full_disk_a_file_stays_as_it_was_and_nothing_is_left_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "state"
    replace_file(path, b"one")
    fill_disk(monkeypatch)
    with pytest.raises(OSError, match="No space left"):
        replace_file(path, b"two")
    assert (path.read_bytes(), [*tmp_path.iterdir()]) == (b"one", [path])


def test_a_file_that_does_not_exist_is_told_from_one_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "state"
    assert read_file(path) is None
    replace_file(path, b"")
    assert read_file(path) == b""
    with pytest.raises(OSError, match="not a regular file"):
        read_file(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_a_pipe_or_a_device_is_neither_waited_for_nor_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="not a regular file"):
        read_file(pipe)
    with pytest.raises(OSError, match="not a regular file"):
        replace_file(pipe, b"")
    assert pipe.is_fifo()


def test_an_error_of_the_system_is_one_sentence_that_names_argument_and_file(
    tmp_path: Path,
) -> None:
    path = tmp_path / "absent" / "state"
    with pytest.raises(InvalidArgumentError) as caught, usable("state", path):
        replace_file(path, b"")
    assert str(caught.value) == f"cannot use {path}: no such file or directory"
    assert caught.value.argument == "state"
    assert isinstance(caught.value.__cause__, FileNotFoundError)
