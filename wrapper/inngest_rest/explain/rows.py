"""The rows of the table of calls about why there is no run, and why runs are as they are."""

from inngest_rest.call_row import EVENT_ID, RUN_ID, CallRow

ROWS = (
    CallRow(
        name="preview",
        command="",
        examples=({"events": [{"name": "shop/order.created", "data": {"order": 1}}]},),
    ),
    CallRow(
        name="preview_file",
        command="",
        uses_files=True,
        examples=({"path": "events.ndjson"},),
    ),
    CallRow(
        name="events.explain",
        examples=(
            {"id": EVENT_ID},
            {"id": "order-1001", "name": "shop/order.created"},
        ),
    ),
    CallRow(
        name="runs.explain",
        examples=({"id": RUN_ID},),
    ),
    CallRow(
        name="runs.waiting",
        examples=(
            {"app": "shop"},
            {"since": "2d", "event_fields": ["data.order"]},
        ),
    ),
)
