"""What the last release had and this one has not."""

from __future__ import annotations

import subprocess
import sys

from scripts.internal.release.missing import ROOT, last_tag
from scripts.internal.release.steps import WrongError


def compare(version: str) -> tuple[None, str]:
    """Compare the public API with that of the last tag."""
    tag = last_tag()
    if tag is None:
        return None, "no earlier release"
    command = [sys.executable, "-m", "griffe", "check", "inngest_rest", "--search", "wrapper"]
    done = subprocess.run(
        [*command, "--against", tag], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode != 0 and may_not_break(tag, version):
        raise WrongError(f"since {tag}:\n{done.stdout}{done.stderr}")
    return None, f"compared with {tag}: {len(done.stdout.splitlines())} removals"


def may_not_break(tag: str, version: str) -> bool:
    """Whether a release may remove nothing: only a new major version may, below 1.0 a new minor."""
    old, new = (each.lstrip("v").split(".") for each in (tag, version))
    return old[:2] == new[:2] if new[0] == "0" else old[0] == new[0]
