"""Commands with a line by which they are listed, and a help of their own that says more."""

from cyclopts import App


class Command(App):
    """A command that keeps its help, or that of its function.

    cyclopts would put in its place the line by which a command is listed before it is loaded.
    """

    @property
    def help(self) -> str:
        """What the command does, in full."""
        return super().help

    @help.setter  # noqa: A003 - the name that cyclopts has for it
    def help(self, value: str | None) -> None:
        """Leave it as it is."""
