"""The sdist and the wheel: built twice, and what they must and must not hold."""

from __future__ import annotations

import filecmp
import os
import sys
import tarfile
import zipfile
from typing import TYPE_CHECKING, NamedTuple

from scripts.internal.release.missing import last_commit
from scripts.internal.release.steps import run

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

# Of the wheel, in this order: the licence, what type checkers ask for, the skill and a playbook.
NEEDED = (
    "licenses/LICENSE",
    "inngest_rest/py.typed",
    "inngest_rest_api/py.typed",
    "inngest_rest_tools/.agents/skills/inngest/SKILL.md",
    "inngest_rest_tools/.agents/skills/inngest/references/incident.md",
)
UNWANTED = (
    "tests/",
    "-plugin/",
    "/plugin.json",
    "recordings/",
    "scripts/",
    "__pycache__",
    ".venv",
    ".github/",
)


class Distributions(NamedTuple):
    """What a build made."""

    sdist: Path
    wheel: Path


def build(source: Path, folder: Path) -> Distributions:
    """Build both out of `source` into `folder`, as of the last commit."""
    command = (sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-t", "wheel")
    epoch = {"SOURCE_DATE_EPOCH": str(last_commit())}
    run(*command, "--directory", folder, cwd=source, env=os.environ | epoch)
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return Distributions(sdist, wheel)


def build_from_sdist(sdist: Path, folder: Path) -> Distributions:
    """Build both once more, out of an sdist in `folder`, as an installer would."""
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "source", filter="data")
    (source,) = (folder / "source").iterdir()
    return build(source, folder / "again")


def differing(first: Distributions, second: Distributions) -> list[str]:
    """Return the names of those that are not the same, byte by byte."""
    pairs = zip(first, second, strict=True)
    return [one.name for one, other in pairs if not filecmp.cmp(one, other, shallow=False)]


def names(distribution: Path) -> list[str]:
    """Return the names of the files in an sdist or a wheel."""
    if distribution.suffix == ".whl":
        with zipfile.ZipFile(distribution) as wheel:
            return wheel.namelist()
    with tarfile.open(distribution) as sdist:
        return sdist.getnames()


def faults(wheel: Iterable[str]) -> list[str]:
    """Return what is missing among the files of a wheel, and what must not be there."""
    files = list(wheel)
    missing = [each for each in NEEDED if not any(file.endswith(each) for file in files)]
    unwanted = [file for file in files if any(each in file for each in UNWANTED)]
    return [f"{each} is missing" for each in missing] + [f"{each} is in it" for each in unwanted]
