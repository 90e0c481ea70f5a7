"""The types of the status. Never run: mypy and pyright check it."""
# pyright: strict, reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inngest_rest import InngestClient


def judging(client: InngestClient) -> None:
    client.status(failed_above=0.05, no_success_of={"a/b": timedelta(hours=2)})
    client.status(failed_above="5%")
    client.status(stuck_for=900)  # type: ignore[arg-type]
