"""Write the page of every call, docs/reference/every-call.md, from the rows and the document.

It imports the client, so it runs as a process of its own, once the code is up to date.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from scripts.internal.regeneration.tools import SourceError

if TYPE_CHECKING:
    from pathlib import Path

    from inngest_rest.call_row import CallRow
    from inngest_rest_api.api import Operation

PAGE = "docs/reference/every-call.md"

HEAD = """\
# Every call

<!-- Written by scripts/regenerate from the rows of the table of calls and openapi/inngest.yaml. -->

Each method of the client, with its command and the operations that it asks, the preferred one
first. The release is the first of the self-hosted server that has the operation; "Cloud" means that
no other server does anything there. A call without operations of its own makes several others,
which its docstring names. [The first page](../index.md) leads from a purpose to its guide.
"""


def page(root: Path) -> str:
    """Return the page as the code in a folder yields it.

    Raises:
        SourceError: The code cannot be imported.
    """
    places = os.pathsep.join(str(root / each) for each in ("wrapper", "generated"))
    done = subprocess.run(
        [sys.executable, "-m", __name__],
        env={**os.environ, "PYTHONPATH": places},
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise SourceError(f"the table of calls cannot be imported\n{done.stderr}")
    return done.stdout


def _written() -> str:
    from inngest_rest.calls import GROUPS, ROWS  # noqa: PLC0415 - of the folder that was named

    groups = {"": "The client itself", **GROUPS}
    parts = [HEAD]
    for group, about in groups.items():
        rows = [row for row in ROWS if row.name.rpartition(".")[0] == group]
        parts.append(f"## {about}\n")
        parts.append("| call | command | what it does | operations |\n|---|---|---|---|")
        parts += [_line(row) for row in rows]
        parts.append("")
    return "\n".join(parts)


def _line(row: CallRow) -> str:
    from inngest_rest_api.api import OPERATIONS  # noqa: PLC0415 - of the folder that was named

    places = [
        (dict(each.calls)[row.name], each) for each in OPERATIONS if row.name in dict(each.calls)
    ]
    asked = ", ".join(_operation(each) for _, each in sorted(places))
    command = f"`{' '.join(row.words)}`" if row.command else ""
    return f"| `client.{row.name}` | {command} | {row.summary} | {asked} |"


def _operation(operation: Operation) -> str:
    scope = "Cloud" if operation.cloud_only else operation.since
    until = f", until {operation.until}" if operation.until else ""
    note = f" ({scope}{until})" if scope else ""
    return f"`{operation.method} {operation.path}`{note}"


if __name__ == "__main__":
    print(_written(), end="")
