"""The command's own server, client and folder."""

from __future__ import annotations

from tests.cli.conftest import client, folder, mock, run

__all__ = ["client", "folder", "mock", "run"]
