"""The rows of the table of calls about acts on many runs."""

from inngest_rest.call_row import RUN_ID, CallRow, Effect

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
)
