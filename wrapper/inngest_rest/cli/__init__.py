"""The command `inngest-rest`, for people at a terminal and for agents. Requires the extra `cli`."""

from __future__ import annotations

import sys

_MISSING = """\
inngest-rest: the command needs packages that are not installed (no module named {name}).
Install them with: pip install 'inngest-rest[cli]'
"""


def main() -> None:
    """Run the command that the arguments of the process name, and exit with its status."""
    try:
        from inngest_rest.cli.app import run  # noqa: PLC0415 - the extra may not be installed
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in {"cyclopts", "msgspec", "rich"}:
            raise
        sys.stderr.write(_MISSING.format(name=error.name))
        sys.exit(1)
    sys.exit(run(sys.argv[1:]))
