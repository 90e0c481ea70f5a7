"""What a program needs that is derived from the table of calls, as the command and the tools are.

Text from outside made safe to show, checks of arguments and their errors, what an error says about
what was done, and values in the types of JSON.
"""

from inngest_rest._local.arguments import (
    check_choice,
    check_json,
    check_path,
    invalid,
    is_status,
)
from inngest_rest._local.faults import (
    SERVER_HEADER,
    may_pass,
    refused_in_between,
)
from inngest_rest._local.files import reasons_path, rejected_path
from inngest_rest._values.conversions import Conversions
from inngest_rest._values.extras import how_to_install
from inngest_rest._values.ulid import is_ulid
from inngest_rest._values.visible import (
    and_more,
    did_you_mean,
    nearest,
    quoted,
    safe,
    shortened,
    shown,
    visible,
    visible_json,
    with_direction,
)

__all__ = [
    "SERVER_HEADER",
    "Conversions",
    "and_more",
    "check_choice",
    "check_json",
    "check_path",
    "did_you_mean",
    "how_to_install",
    "invalid",
    "is_status",
    "is_ulid",
    "may_pass",
    "nearest",
    "quoted",
    "reasons_path",
    "refused_in_between",
    "rejected_path",
    "safe",
    "shortened",
    "shown",
    "visible",
    "visible_json",
    "with_direction",
]
