"""The recipe for conda-forge: filled in, read and rendered by what builds it there."""

from __future__ import annotations

import hashlib
from pathlib import Path

from rattler_build import RattlerBuildError, Stage0Recipe

from scripts.internal.release.steps import WrongError

TEMPLATE = Path(__file__).with_name("recipe.yaml")


def write(out: Path, sdist: Path, version: str) -> tuple[None, str]:
    """Write the recipe of this version, whose source is the sdist."""
    digest = hashlib.sha256(sdist.read_bytes()).hexdigest()
    text = TEMPLATE.read_text(encoding="utf-8").replace("VERSION", version)
    file = out / "recipe.yaml"
    file.write_text(text.replace("DIGEST", digest), encoding="utf-8")
    try:
        Stage0Recipe.from_file(file).render()
    except RattlerBuildError as error:
        raise WrongError(f"{TEMPLATE.name}: {error}") from None
    return None, f"{file.name} renders"
