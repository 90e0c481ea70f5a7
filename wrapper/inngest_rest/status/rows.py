"""The row of the table of calls about the status of a server."""

from inngest_rest.call_row import CallRow

ROWS = (
    CallRow(
        name="status",
        formats=("markdown",),
        examples=(
            {},
            {"failed_above": "5%", "window": "15m"},
            {"no_success_of": {"shop/*": "26h"}, "stuck_for": "1h"},
        ),
    ),
)
