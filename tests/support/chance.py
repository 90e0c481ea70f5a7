"""Values drawn at random, the same ones for the same seed."""

from __future__ import annotations

import random
import sys


def drawing(seed: int) -> random.Random:
    """Return what draws values; a test that fails shows the seed with its output."""
    sys.stderr.write(f"values are drawn with seed {seed}\n")
    return random.Random(seed)
