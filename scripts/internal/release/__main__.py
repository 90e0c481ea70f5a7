"""Build what a release publishes into dist/, and check it as those who install it would find it.

Both distributions are built twice and compared byte by byte, checked for the index, installed in
empty environments on the oldest and the newest Python here, with and without extras, and used. The
public API is compared with that of the last tag. So is the package of the MCP server, which needs
nothing but the first. dist/ then holds pypi/ and pypi-mcp/, each for the environment of its name, a
bundle of the MCP server (.mcpb), its entry for the MCP registry, the bill of materials, the recipe
for conda-forge and the notes of the release. At last, all is published to an index on this machine,
and installed from it in each way that the pages name. A tag publishes: MAINTAINING.md.

Exit status: 0 it could go out, or, with --dry-run, it could but for what is listed as missing;
1 something is wrong or, without --dry-run, missing.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.internal.pythons import find_pythons
from scripts.internal.release import (
    distributions,
    installs,
    mcp_server,
    public_api,
    recipe,
    rehearsal,
)
from scripts.internal.release.missing import ROOT, missing, notes, versions
from scripts.internal.release.steps import WrongError, run, step

if TYPE_CHECKING:
    from collections.abc import Sequence


def main() -> int:
    """Run the checks."""
    parser = argparse.ArgumentParser(
        prog="scripts/release",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--dry-run", action="store_true", help="pass even if something is missing")
    parser.add_argument(
        "--hosts",
        action="store_true",
        help="also install the plugin by Claude Code, Codex and skills, which npx downloads; the "
        "workflow does not, since it publishes what it builds",
    )
    options = parser.parse_args()
    out = ROOT / "dist"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        try:
            version = step("versions", agreed_version)
            built = step("two builds", lambda: build_twice(out / "pypi", scratch))
            server = step("MCP server", lambda: build_server(out, built, version))
            step("metadata", lambda: check_metadata([*built, *server]))
            step("contents", lambda: check_contents(built))
            step("installed", lambda: install(built, scratch))
            step("public API", lambda: public_api.compare(version))
            step("bill of materials", lambda: write_materials(out, scratch, built))
            step("notes", lambda: write_notes(out))
            step("conda recipe", lambda: recipe.write(out, built.sdist, version))
            step("rehearsal", lambda: rehearsal.rehearse(out, scratch, version))
            if options.hosts:
                step("hosts of agents", lambda: rehearsal.install_in_hosts(scratch))
        except WrongError as error:
            print(f"WRONG\n{error}")
            return 1
    lacking = missing(version)
    print("".join(f"missing: {each}\n" for each in lacking), end="")
    return 1 if lacking and not options.dry_run else 0


def agreed_version() -> tuple[str, str]:
    """Return the version on which all files agree."""
    stated = versions()
    (version, *others) = set(stated.values())
    if others or version is None:
        raise WrongError("\n".join(f"{name} has {it}" for name, it in stated.items()))
    return version, f"{version} in {len(stated)} files"


def build_twice(packages: Path, scratch: Path) -> tuple[distributions.Distributions, str]:
    """Build from this tree, then from the sdist that came of it."""
    first = distributions.build(ROOT, packages)
    second = distributions.build_from_sdist(first.sdist, scratch / "second")
    if differing := distributions.differing(first, second):
        raise WrongError(f"the bytes of {', '.join(differing)} differ between two builds")
    return first, "the same bytes from the tree and from the sdist"


def build_server(
    out: Path, built: distributions.Distributions, version: str
) -> tuple[distributions.Distributions, str]:
    """Build the package of the MCP server and its bundle, out of the folder of the first."""
    server = distributions.build(mcp_server.FOLDER, out / "pypi-mcp")
    shutil.copy(mcp_server.FOLDER / "server.json", out)
    bundle = mcp_server.bundle(out, built.wheel, version)
    return server, f"{bundle.name}, {bundle.stat().st_size:,} bytes"


def check_metadata(built: Sequence[Path]) -> tuple[None, str]:
    """Check what the index would show."""
    run(sys.executable, "-m", "twine", "check", "--strict", *built)
    return None, "accepted by twine"


def check_contents(built: distributions.Distributions) -> tuple[None, str]:
    """Check which files are in the wheel."""
    wheel = distributions.names(built.wheel)
    if wrong := distributions.faults(wheel):
        raise WrongError("\n".join(f"{built.wheel.name}: {each}" for each in wrong))
    sdist = distributions.names(built.sdist)
    return None, f"{len(wheel)} files in the wheel, {len(sdist)} in the sdist"


def install(built: distributions.Distributions, scratch: Path) -> tuple[None, str]:
    """Install each distribution on the oldest and the newest Python, with and without extras."""
    every = list(find_pythons().values())
    pythons = dict.fromkeys((every[0], every[-1]))
    tried = list(product(pythons, built, ("", "[all]")))
    wrong = []
    for number, (python, distribution, extras) in enumerate(tried):
        folder = scratch / f"environment-{number}"
        # Once as most people do; uv takes a tenth of the time.
        installer = "uv" if number else "pip"
        made = installs.create(python, folder, f"{distribution}{extras}", installer=installer)
        faults = installs.faults(made, with_extras=bool(extras))
        wrong += [f"{python}, {distribution.name}{extras}: {fault}" for fault in faults]
    if wrong:
        raise WrongError("\n".join(wrong))
    return None, f"{len(tried)} environments, on {' and '.join(pythons)}"


def write_materials(
    out: Path, scratch: Path, built: distributions.Distributions
) -> tuple[None, str]:
    """Write the bill of materials of what an installation with all extras holds (CycloneDX)."""
    wheel = f"{built.wheel}[all]"
    python = installs.create(sys.executable, scratch / "materials", wheel, installer="uv")
    file = out / "inngest-rest.cdx.json"
    command = (sys.executable, "-m", "cyclonedx_py", "environment", "--output-reproducible")
    run(*command, "--output-file", file, python)
    return None, f"{file.name}, {file.stat().st_size:,} bytes"


def write_notes(out: Path) -> tuple[None, str]:
    """Write the notes of the release, out of the changelog."""
    text = notes()
    (out / "notes.txt").write_text(text, encoding="utf-8")
    return None, f"notes.txt, {len(text.splitlines())} lines"


if __name__ == "__main__":
    sys.exit(main())
