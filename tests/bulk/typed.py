"""The types of acts on many. Never run: mypy and pyright check it."""
# pyright: strict, reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inngest_rest import InngestClient
    from inngest_rest.bulk import BulkOptions
    from inngest_rest.typing import RunSelection


def acting(client: InngestClient, shared: RunSelection) -> None:
    options: BulkOptions = {"dry_run": True, "period": 2, "on_result": print}
    client.runs.cancel_all(**shared, in_flight=2)
    client.runs.replay_all(["r"], **options)
    client.runs.replay_all(**shared, dry_run=True)
