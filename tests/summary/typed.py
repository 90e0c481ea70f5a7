"""The types of summaries. Never run: mypy and pyright check it."""
# pyright: strict, reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from typing import TYPE_CHECKING, assert_type

from inngest_rest.summary import RunGroup

if TYPE_CHECKING:
    from inngest_rest import InngestClient
    from inngest_rest.typing import RunSelection


def summing_up(client: InngestClient, shared: RunSelection) -> None:
    client.runs.summary(**shared, by="error")
    assert_type(client.runs.summary(by="function", status="failed").groups, tuple[RunGroup, ...])
    client.runs.summary(by=1)  # type: ignore[arg-type]
