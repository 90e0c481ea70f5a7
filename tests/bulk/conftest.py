"""A client of the mock server of a module."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from inngest_rest import InngestClient
    from inngest_rest_mock import MockServer
    from tests.conftest import Connect


@pytest.fixture
def client(connect: Connect, mock: MockServer) -> InngestClient:
    return connect(transport=mock.transport, retries=0)
