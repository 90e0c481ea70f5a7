"""Try the document with the linters and generators of other languages: `scripts/test --all`.

- redocly and spectral lint it without a warning;
- openapi-typescript makes types of it that `tsc --strict` accepts;
- openapi-generator, with openapi/openapi-generator.yaml, makes Go code that compiles.

npm has the first two, PyPI the last. What this machine has no npm, Java or Go for is left out, and
said to be.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "openapi" / "inngest.yaml"
PACKAGES = (
    "@redocly/cli@2.77.0",
    "@stoplight/spectral-cli@6.16.3",
    "openapi-typescript@7.13.0",
    "typescript@5.9.3",
)
GENERATOR = "openapi-generator-cli==7.26.0"
USE = """\
import type { components, paths } from "./api";
type Query = NonNullable<paths["/v2/runs"]["get"]["parameters"]["query"]>;
export const query: Query = { limit: 1, status: ["FAILED"] };
export const ended = (run: components["schemas"]["V2Run"]): boolean => run.endedAt !== undefined;
"""
# The one package that the generated Go code imports; it is compiled here, not run.
VALIDATOR = {
    "go.mod": "module gopkg.in/validator.v2\n\ngo 1.18\n",
    "validator.go": "package validator\n\nfunc Validate(v interface{}) error { return nil }\n",
}


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        if shutil.which("npm"):
            try_npm(Path(folder))
        else:
            print("not tried, for want of npm: redocly, spectral, TypeScript")
        if shutil.which("java") and shutil.which("go"):
            try_go(Path(folder))
        else:
            print("not tried, for want of Java or Go: Go")
    print("the document suits redocly, spectral, TypeScript and Go, as far as tried")
    return 0


def try_npm(folder: Path) -> None:
    install = ("npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--silent")
    run(folder, *install, *PACKAGES)
    tools = folder / "node_modules" / ".bin"
    lint = run(ROOT, tools / "redocly", "lint", DOCUMENT)
    if "You have" in lint:  # "... 2 warnings."
        raise SystemExit(lint)
    run(ROOT, tools / "spectral", "lint", "--fail-severity=warn", DOCUMENT)
    run(folder, tools / "openapi-typescript", DOCUMENT, "--output", folder / "api.ts")
    (folder / "use.ts").write_text(USE, encoding="utf-8")
    run(folder, tools / "tsc", "--strict", "--noEmit", "use.ts", "api.ts")


def try_go(folder: Path) -> None:
    run(folder, sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", GENERATOR)
    (wheel,) = folder.glob("openapi_generator_cli-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        jar = archive.extract("openapi_generator_cli/openapi-generator.jar", folder)
    code = folder / "go"
    options = ("-c", ROOT / "openapi" / "openapi-generator.yaml", "-o", code)
    types = ("--type-mappings", "null=interface{}")
    run(folder, "java", "-jar", jar, "generate", "-g", "go", "-i", DOCUMENT, *options, *types)
    stub = folder / "validator"
    stub.mkdir()
    for name, text in VALIDATOR.items():
        (stub / name).write_text(text, encoding="utf-8")
    run(code, "go", "mod", "edit", f"-replace=gopkg.in/validator.v2={stub}")
    run(code, "go", "build", "-mod=mod", ".")


def run(folder: Path, *command: str | Path) -> str:
    """Run a command and return what it prints; if it fails, end with that."""
    done = subprocess.run(
        [*map(str, command)],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}\n{done.stdout}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
