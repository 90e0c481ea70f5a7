"""The command `inngest-rest`, for people at a terminal and for agents. Requires the extra `cli`."""

from __future__ import annotations

import gc
import io
import os
import sys
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from types import ModuleType

_MISSING = """\
inngest-rest: the command needs packages that are not installed (no module named {name}).
Install them: {how}
"""

_EXTRAS = {
    **dict.fromkeys(("rich", "shtab"), "cli"),
    **dict.fromkeys(("anyio", "mcp", "pydantic"), "mcp"),
}


def main() -> None:
    """Run the command that the arguments of the process name, and exit with its status."""
    # A command is short: looking for garbage takes a tenth of the time in which it starts.
    gc.set_threshold(200_000)
    _write_utf_8()
    # httpx imports its own command, with click, rich and pygments, where these are installed; it
    # does without a module that is None here.
    cast("dict[str, ModuleType | None]", sys.modules).setdefault("httpx._main", None)
    try:
        from inngest_rest_tools.command.program import run  # noqa: PLC0415 - it may be interrupted

        status = run(sys.argv[1:])
    except ModuleNotFoundError as error:
        extra = _EXTRAS.get((error.name or "").partition(".")[0])
        if extra is None:
            raise
        from inngest_rest.programs import how_to_install  # noqa: PLC0415 - see above

        how = how_to_install(extra)
        sys.stderr.write(_MISSING.format(name=error.name, how=how))
        sys.exit(1)
    except KeyboardInterrupt:  # while modules are loaded
        sys.exit(130)
    try:
        sys.stdout.flush()
    except OSError:  # nobody reads what is left, of which nothing is said at the exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    # The interpreter would look for garbage three times more, which takes a quarter of the command.
    gc.freeze()
    sys.exit(status)


def _write_utf_8() -> None:
    """Write UTF-8, which JSON is in, whatever the locale; do without a stream that is closed."""
    for name, mode in ("stdin", "r"), ("stdout", "w"), ("stderr", "w"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115
        elif mode == "w" and isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
