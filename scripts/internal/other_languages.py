"""Try the document with the linters and generators of other languages: `scripts/test --all`.

- redocly and spectral lint it without a warning;
- openapi-typescript makes types of it that `tsc --strict` accepts;
- openapi-generator, with openapi/openapi-generator.yaml, makes Go code that compiles.

npm has the first two, PyPI the last. What this machine has no npm, Java or Go for is left out, and
said to be.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import zipfile
from pathlib import Path

from scripts.internal.release.steps import WrongError, run

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
    try:
        with tempfile.TemporaryDirectory() as folder:
            try_all(Path(folder))
    except WrongError as error:
        print(error)
        return 1
    print("the document suits redocly, spectral, TypeScript and Go, as far as tried")
    return 0


def try_all(folder: Path) -> None:
    if shutil.which("npm"):
        try_npm(folder)
    else:
        print("not tried, for want of npm: redocly, spectral, TypeScript")
    if shutil.which("java") and shutil.which("go"):
        try_go(folder)
    else:
        print("not tried, for want of Java or Go: Go")


def try_npm(folder: Path) -> None:
    install = ("npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--silent")
    run(*install, *PACKAGES, cwd=folder)
    tools = folder / "node_modules" / ".bin"
    lint = run(tools / "redocly", "lint", DOCUMENT, cwd=ROOT)
    if "You have" in lint:  # "... 2 warnings."
        raise WrongError(lint)
    run(tools / "spectral", "lint", "--fail-severity=warn", DOCUMENT, cwd=ROOT)
    run(tools / "openapi-typescript", DOCUMENT, "--output", folder / "api.ts", cwd=folder)
    (folder / "use.ts").write_text(USE, encoding="utf-8")
    run(tools / "tsc", "--strict", "--noEmit", "use.ts", "api.ts", cwd=folder)


def try_go(folder: Path) -> None:
    run(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", GENERATOR, cwd=folder)
    (wheel,) = folder.glob("openapi_generator_cli-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        jar = archive.extract("openapi_generator_cli/openapi-generator.jar", folder)
    code = folder / "go"
    options = ("-c", ROOT / "openapi" / "openapi-generator.yaml", "-o", code)
    types = ("--type-mappings", "null=interface{}")
    generate = ("java", "-jar", jar, "generate", "-g", "go", "-i", DOCUMENT)
    run(*generate, *options, *types, cwd=folder)
    stub = folder / "validator"
    stub.mkdir()
    for name, text in VALIDATOR.items():
        (stub / name).write_text(text, encoding="utf-8")
    run("go", "mod", "edit", f"-replace=gopkg.in/validator.v2={stub}", cwd=code)
    run("go", "build", "-mod=mod", ".", cwd=code)


if __name__ == "__main__":
    sys.exit(main())
