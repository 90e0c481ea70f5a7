"""A client of the mock server of each module."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from inngest_rest import InngestClient

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inngest_rest_mock import MockServer


@pytest.fixture
def client(mock: MockServer) -> Iterator[InngestClient]:
    with InngestClient(dev=True, transport=mock.transport, retries=0) as client:
        yield client
