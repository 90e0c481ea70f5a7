"""How to install an extra, where it is missing."""

from __future__ import annotations

import sys
from pathlib import Path


def how_to_install(extra: str) -> str:
    """Return the command line that adds an extra to this environment.

    uv and pipx leave a file in an environment that they have made for the command. uv installs the
    extras that are named in place of those that are there, so all are named.
    """
    environment = Path(sys.prefix)
    if (environment / "uv-receipt.toml").exists():
        extras = "all,contract" if extra == "contract" else "all"
        return f"uv tool install 'inngest-rest[{extras}]'"
    if (environment / "pipx_metadata.json").exists():
        return f"pipx inject inngest-rest 'inngest-rest[{extra}]'"
    return f"pip install 'inngest-rest[{extra}]'"
