"""Compare and replace folders of generated files, or single ones."""

from __future__ import annotations

import filecmp
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def compare(fresh: Path, committed: Path) -> list[str]:
    """Name each file that is changed, missing or extra in the committed tree, sorted."""
    if fresh.is_file():
        is_same = committed.exists() and filecmp.cmp(fresh, committed, shallow=False)
        return [] if is_same else [f"changed  {fresh.name}"]
    wanted, present = files(fresh), files(committed)
    return sorted(
        [f"missing  {name}" for name in wanted - present]
        + [f"extra    {name}" for name in present - wanted]
        + [
            f"changed  {name}"
            for name in wanted & present
            if not filecmp.cmp(fresh / name, committed / name, shallow=False)
        ]
    )


def files(folder: Path) -> set[str]:
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def replace(fresh: Path, target: Path) -> None:
    if fresh.is_file():
        shutil.copy(fresh, target)
        return
    if target.exists():
        shutil.rmtree(target)
    shutil.copytree(fresh, target)
