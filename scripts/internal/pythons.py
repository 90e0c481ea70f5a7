"""The Pythons of this machine."""

from __future__ import annotations

import subprocess

VERSIONS = ("3.11", "3.12", "3.13", "3.14", "3.15")

SHOWS_VERSION = "import ensurepip, sys; print('%d.%d' % sys.version_info[:2])"


def find_pythons() -> dict[str, str]:
    """Return the Pythons of this machine by version, the newest last."""
    found = {}
    for version in VERSIONS:
        # A shim of pyenv may refuse to start.
        roots = output_of("pyenv", "prefix", version)
        for candidate in (f"python{version}", f"{roots}/bin/python"):
            if output_of(candidate, "-c", SHOWS_VERSION) == version:
                found[version] = candidate
                break
    return found


def output_of(*command: str) -> str:
    """Return what a command prints, or nothing if it fails."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
