"""The rows of the table of calls about acts on many events or runs."""

from inngest_rest.call_row import EVENT_ID, RUN_ID, CallRow, Effect

_DRY_RUN = {"app": "shop", "since": "2h", "dry_run": True}

ROWS = (
    CallRow(
        name="runs.cancel_all",
        command="runs.cancel",
        effect=Effect.CHANGE,
        examples=(
            {"ids": [RUN_ID]},
            _DRY_RUN,
        ),
    ),
    CallRow(
        name="runs.replay_all",
        command="runs.replay",
        effect=Effect.CHANGE,
        is_repeatable=False,
        examples=(
            {"ids": [RUN_ID]},
            {"status": ["failed"], **_DRY_RUN, "from_step": "last-failed"},
        ),
    ),
    CallRow(
        name="events.resend",
        acts_on="event",
        effect=Effect.CREATE,
        examples=(
            {"ids": [EVENT_ID]},
            {
                "name": "shop/order.created",
                "since": "2h",
                "label": "fixed",
                "dry_run": True,
            },
        ),
    ),
    CallRow(
        name="functions.invoke_many",
        is_rare=True,
        effect=Effect.CREATE,
        is_repeatable=False,
        examples=(
            {
                "app": "shop",
                "function": "charge",
                "inputs": [{"order": 1}, {"order": 2}],
            },
        ),
    ),
)
