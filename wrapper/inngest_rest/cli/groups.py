"""The commands of operations; cyclopts loads a group, or one command of it, when it is needed."""

from cyclopts import App

from inngest_rest.cli.command import command_of, epilogue_of
from inngest_rest.cli.own_help import Command
from inngest_rest.operations.table import GROUPS, group

FLAT = {
    "sending": {
        "send": "Send one event",
        "send-many": "Send up to 5,000 events",
        "send-file": "Send the events of a file",
    },
    "doctor": {"doctor": GROUPS["doctor"]},
}
"""The groups whose commands have no word before them, with what each of these is about."""


def add_to(app: App) -> None:
    """Add all commands of operations."""
    for name, about in GROUPS.items():
        if name not in FLAT:
            app.command(f"{__name__}:{name}", name=name, help=about)
        for each, its in FLAT.get(name, {}).items():
            app.command(f"{__name__}:{name}.{each}", name=each, help=its)


def __getattr__(path: str) -> App:
    """Return a group, or the command of a path such as `runs.list`."""
    name, _, command = path.partition(".")
    if name not in GROUPS:
        raise AttributeError(path)
    operations = {each.command[-1]: each for each in group(name)}
    if command:
        operation = operations[command]
        one = Command(name=command, help_epilogue=epilogue_of(operation))
        one.default(command_of(operation))
        return one
    app = App(name=name, help=GROUPS[name])
    for each, operation in operations.items():
        about = operation.summary.removesuffix(".")
        app.command(f"{__name__}:{name}.{each}", name=each, help=about)
    return app
