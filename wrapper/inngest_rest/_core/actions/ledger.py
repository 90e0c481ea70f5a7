"""The rows of a bulk operation under way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest.action_reports import ActionRows

if TYPE_CHECKING:
    from inngest_rest.action_reports import ActionRow


class Ledger(ActionRows):
    """Rows that are added and replaced; a report gets a copy."""

    def put(self, row: ActionRow) -> None:
        """Replace the row at the position of this one, or add it behind the last."""
        self._put(row)
