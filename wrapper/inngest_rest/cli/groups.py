"""The groups of commands, such as `runs`; cyclopts loads one when it is needed."""

from cyclopts import App

from inngest_rest.cli.command import command_of, epilogue_of
from inngest_rest.operations.table import GROUPS, group


def __getattr__(name: str) -> App:
    if name not in GROUPS:
        raise AttributeError(name)
    app = App(name=name, help=GROUPS[name])
    for each in group(name):
        app.command(command_of(each), name=each.command[-1], help_epilogue=epilogue_of(each))
    return app
