"""A file with a line for each act of the command or of an agent, without its payloads."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from inngest_rest_tools.ids import ids_of
from inngest_rest_tools.parameter import unusable_file
from inngest_rest_tools.problems import ProblemError, problem_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from inngest_rest import InngestClient
    from inngest_rest.call_row import CallRow
    from inngest_rest.record import Record
    from inngest_rest_tools.calling import Chunk
    from inngest_rest_tools.parameter import Values


class Audit:
    """The file, to which only its owner has access if it is made here."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._append("")  # what cannot be noted is not done

    def noted(
        self,
        row: CallRow,
        values: Values,
        client: InngestClient,
        chunks: Iterable[Chunk],
    ) -> Iterator[Chunk]:
        """Yield the result of an act, and write a line when it has ended, however it ends."""
        ids: list[str] = []
        outcome = "interrupted"
        try:
            for records, page in chunks:
                for record in records:
                    ids += _ids_in(record)
                yield records, page
            outcome = "done"
        except Exception as error:
            outcome = problem_of(error, row, values).code
            if isinstance(error, ProblemError) and error.data is not None:
                ids += _ids_in(error.data)
            raise
        finally:
            line = {
                "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "call": row.command,
                "outcome": outcome,
                "ids": ids,
                "target": _place_of(client),
            }
            if row.requests_any_path:
                line["request"] = f"{values['method']} {values['path']}"
            self._append(f"{json.dumps(line)}\n")

    def _append(self, text: str) -> None:
        try:
            file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                os.write(file, text.encode())
            finally:
                os.close(file)
        except OSError as error:
            raise unusable_file("audit", self._path, error, verb="write") from error


def _ids_in(record: Record) -> list[str]:
    """Return the ids of what was acted on; of what was made, the new ones."""
    rows = getattr(record, "rows", ())
    return [str(row.id) for row in rows if row.id] or list(ids_of(record))


def _place_of(client: InngestClient) -> dict[str, str]:
    target = client.target
    profile = client.profile
    place = {"api_url": target.api_url}
    if target.env is not None:
        place["env"] = target.env
    if profile is not None:
        place["profile"] = profile.name
    return place
