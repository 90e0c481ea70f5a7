"""Ask for newer releases of what no bot looks at: the server, and what a release downloads.

Of the server, a patch of the newest recorded release is not newer. What pyproject.toml and
constraints.txt pin is raised by Dependabot. Prints Markdown for an issue of the forge; nothing if
nothing is newer.

    python -m scripts.internal.newest

Exit status: 0 all was asked; 1 something could not be asked, which is printed with the rest.
"""

from __future__ import annotations

import json
import re
import sys
import urllib.request
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 20.0


class Followed(NamedTuple):
    """A project on GitHub, whose releases are asked for.

    Attributes:
        name: What it is called here.
        repository: Its owner and name.
        file: The file of this repository that has our release.
        pattern: Where that is, in the file.
        parts: How many parts of a release count: 1.43.2 has three.
        work: What a newer release asks for.
    """

    name: str
    repository: str
    file: str
    pattern: str
    parts: int
    work: str

    def ours(self) -> str:
        """Return the release that this repository has."""
        found = re.search(self.pattern, (ROOT / self.file).read_text(encoding="utf-8"))
        if found is None:
            raise ValueError(f"{self.file} has no release of {self.name}")
        return found[1]

    def line(self, answer: Any) -> str:
        """Return what to write of the newest release, by GitHub's answer; nothing if we have it.

        Raises:
            ValueError: The answer names no release.
        """
        tag = str(answer.get("tag_name")) if isinstance(answer, dict) else ""
        found = re.fullmatch(r"v?(\d+(?:\.\d+){2})", tag)
        if found is None:
            raise ValueError("the answer names no release")
        if self._counted(found[1]) <= self._counted(self.ours()):
            return ""
        return f"- {self.name} {found[1]} is out, ours is {self.ours()}: {self.work}"

    def _counted(self, release: str) -> list[int]:
        return [int(part) for part in release.split(".")[: self.parts]]


FOLLOWED = (
    Followed(
        name="inngest server",
        repository="inngest/inngest",
        file="openapi/inngest.yaml",
        pattern=r"x-newest-recorded: [\"']?([\d.]+)",
        parts=2,
        work="`scripts/release-diff OLD NEW`, then docs/regenerating.md",
    ),
    Followed(
        name="mcp-publisher",
        repository="modelcontextprotocol/registry",
        file=".github/workflows/release.yml",
        pattern=r"/releases/download/v([\d.]+)/mcp-publisher_",
        parts=3,
        work="its address and its digest in .github/workflows/release.yml",
    ),
)


def fetch(repository: str) -> Any:
    """Return GitHub's answer about the newest release."""
    url = f"https://api.github.com/repos/{repository}/releases/latest"
    request = urllib.request.Request(url, headers={"User-Agent": "inngest-rest-newest"})
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310
        return json.load(answer)


def main() -> int:
    lines, status = list[str](), 0
    for each in FOLLOWED:
        try:
            lines.append(each.line(fetch(each.repository)))
        except (OSError, ValueError) as error:
            # Without its text, which may have markup of others.
            lines.append(f"- {each.name} could not be asked for: {type(error).__name__}")
            status = 1
    print("\n".join(filter(None, lines)), end="\n" * any(lines))
    return status


if __name__ == "__main__":
    sys.exit(main())
