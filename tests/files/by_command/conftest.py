"""The command, run in this process against a mock server, as in the tests of the command."""

from __future__ import annotations

from tests.cli.conftest import client, folder, mock, run

__all__ = ["client", "folder", "mock", "run"]
