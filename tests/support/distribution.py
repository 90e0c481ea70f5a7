"""What the source distribution has."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from hatchling.builders.sdist import SdistBuilder

ROOT = Path(__file__).resolve().parents[2]


@cache
def distributed_files() -> frozenset[str]:
    """Return the paths of the files in the source distribution; to find them takes a second."""
    packed = SdistBuilder(str(ROOT)).recurse_included_files()
    return frozenset(each.distribution_path for each in packed)
