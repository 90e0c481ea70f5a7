"""The package `inngest-rest-mcp`, and the bundle of the same for hosts that install one (.mcpb)."""

from __future__ import annotations

import time
import zipfile
from typing import TYPE_CHECKING

from scripts.internal.release.missing import ROOT, last_commit

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = ROOT / "mcp-server"

BUNDLED = ("manifest.json", "inngest_rest_mcp.py", "README.md")

OF_A_CLONE = 'inngest-rest = { path = ".." }'


def bundle(out: Path, wheel: Path, version: str) -> Path:
    """Write the bundle, whose host installs the wheel in it; the rest comes from the index.

    The format is that of https://github.com/modelcontextprotocol/mcpb, with the server type `uv`.
    """
    project = (FOLDER / "pyproject.toml").read_text("utf-8")
    own = project.replace(OF_A_CLONE, f'inngest-rest = {{ path = "{wheel.name}" }}')
    files = {name: (FOLDER / name).read_bytes() for name in BUNDLED}
    files |= {"pyproject.toml": own.encode(), wheel.name: wheel.read_bytes()}
    path = out / f"inngest-rest-{version}.mcpb"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in sorted(files.items()):
            entry = zipfile.ZipInfo(name, time.gmtime(last_commit())[:6])
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data, zipfile.ZIP_DEFLATED)
    return path
