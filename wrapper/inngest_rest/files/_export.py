"""An export: list, complete, write; the file is whole, or the one before."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from attrs import frozen

from inngest_rest._local.arguments import check_path, invalid
from inngest_rest._local.files import usable, whole_file
from inngest_rest.files import ExportReport
from inngest_rest.files._columns import choose
from inngest_rest.files._formats import Table, writer_maker

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Mapping

    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest.files._exported import Exported
    from inngest_rest.files._formats import Writer


@frozen(kw_only=True)
class Options:
    """The options of an export as the caller passed them (`inngest_rest.files.ExportOptions`)."""

    columns: Mapping[str, str] | None  # the paths of the chosen ones, by name
    escape_formulas: bool
    on_progress: Callable[[int], object] | None


def export(
    session: Session,
    path: str | os.PathLike[str],
    exported: Exported,
    options: Options,
) -> Plan[ExportReport]:
    """Write what is listed to a file; arguments are checked before the first request."""
    return _Export(session, path, exported, options).run()


class _Export:
    def __init__(
        self,
        session: Session,
        path: str | os.PathLike[str],
        exported: Exported,
        options: Options,
    ) -> None:
        check_path("path", path)
        self._session = session
        self._path = Path(path).absolute()
        self._exported = exported
        self._options = options
        self._rows = 0
        chosen = None
        if options.columns is not None:
            chosen = choose(exported.kind, options.columns)
        table = Table(kind=exported.kind, chosen=chosen)
        suffix = self._path.suffix
        make_writer = writer_maker(
            suffix, table, escape_formulas=options.escape_formulas
        )
        if make_writer is None:
            known = ".ndjson, .jsonl or .csv"
            raise invalid("path", f"must end with {known}, not {suffix!r}")
        if options.escape_formulas and suffix.lower() != ".csv":
            raise invalid("escape_formulas", f"is for .csv, not for {suffix}")
        self._make_writer = make_writer

    async def run(self) -> ExportReport:
        with usable("path", self._path), whole_file(self._path) as file:
            await self._fill(file)
        return ExportReport(path=str(self._path), rows=self._rows)

    async def _fill(self, file: BinaryIO) -> None:
        with closing(self._make_writer(file)) as writer:
            walk = self._exported.listing.walk()
            while not walk.is_done:
                page = await walk.next_page()
                await self._write(writer, page.items)
            writer.finish()

    async def _write(self, writer: Writer, items: Iterable[Any]) -> None:
        rows = list(items)
        complete = self._exported.complete
        if complete is not None:
            rows = await self._session.driver.together(complete, rows)
        writer.write(rows)
        self._rows += len(rows)
        if self._options.on_progress is not None:
            self._options.on_progress(self._rows)
