"""Build the site of the documentation: the pages of docs/, and the reference, from the code."""

from __future__ import annotations

import argparse
import fcntl
import subprocess
import sys
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from sphinx.cmd.build import build_main

from scripts.internal.site import generated, machines
from scripts.internal.site.stage import DOCS, ROOT, URLS, Source

POLL_S = 1.0


def build(folder: Path, *, afresh: bool) -> int:
    """Build the site into a folder; return 0 if no page that was read again had a warning."""
    source = Source.gather(generated.pages(), generated.SIDEBAR, generated.files())
    source.write(folder / "source")
    arguments = ["-c", str(DOCS), "-d", str(folder / "doctrees"), "-W", "--keep-going", "-q"]
    # All pages are written: the search index of a part lacks the index entries of the others.
    arguments.append("-E" if afresh else "-a")
    status = build_main([*arguments, "-b", "html", str(folder / "source"), str(folder / "html")])
    machines.write(source, folder / "html", URLS.get("Documentation", ""))
    if status == 0:
        print(f"{len(source.pages)} pages in {folder / 'html'}")
    return status


def build_if_edited(folder: Path) -> int:
    """Build the site unless it is as the sources are, one process at a time."""
    folder.mkdir(parents=True, exist_ok=True)
    stamp = folder / "built"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        newest = str(last_edit())
        if stamp.exists() and stamp.read_text() == newest:
            print(f"{folder / 'html'} is current")
            return 0
        status = build(folder, afresh=True)
        if status == 0:
            stamp.write_text(newest)
        return status


class Handler(SimpleHTTPRequestHandler):
    """Files, without a line for each request."""

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


def serve(folder: Path, port: int) -> int:
    """Serve the site, and build it again after each edit, until Ctrl-C."""
    html = folder / "html"
    html.mkdir(parents=True, exist_ok=True)
    with ThreadingHTTPServer(("127.0.0.1", port), partial(Handler, directory=html)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(f"http://127.0.0.1:{server.server_port}", flush=True)
        built = 0.0
        try:
            while True:
                if (edited := last_edit()) > built:
                    built = edited
                    # A new process: the reference is written from code that may have changed.
                    command = (sys.executable, "-m", "scripts.internal.site", folder, "--changed")
                    subprocess.run(command, check=False)
                time.sleep(POLL_S)
        except KeyboardInterrupt:
            return 0


def last_edit() -> float:
    """Return when a file that the site is made of was last edited."""
    files = [*ROOT.glob("*.md")]
    for place in ("docs", "examples", "openapi", "scripts/internal", "tools", "wrapper"):
        files += [each for each in (ROOT / place).rglob("*") if each.is_file()]
    return max(each.stat().st_mtime for each in files if each.suffix != ".pyc")


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/docs", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / ".site")
    parser.add_argument("--serve", nargs="?", type=int, const=8000, metavar="PORT")
    parser.add_argument("--if-edited", action="store_true", help="build unless it is current")
    parser.add_argument("--changed", action="store_true", help="read only what has changed")
    given = parser.parse_args()
    folder: Path = given.folder.resolve()
    if given.serve is not None:
        return serve(folder, given.serve)
    return build_if_edited(folder) if given.if_edited else build(folder, afresh=not given.changed)


if __name__ == "__main__":
    sys.exit(main())
