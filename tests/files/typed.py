"""The types of exports. Never run: mypy and pyright check it."""
# pyright: strict, reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inngest_rest import InngestClient
    from inngest_rest.typing import RunSelection


def exporting(client: InngestClient, shared: RunSelection) -> None:
    client.runs.export("runs.csv", **shared, include=["output"])
    client.runs.export("runs.csv", include=["steps"])  # type: ignore[list-item]
