"""`copilot-kit stats`: published statistics from plain files, as JSON or as a table."""

import typer


def commands() -> typer.Typer:
    """Return the sub-commands of `copilot-kit stats`."""
    return typer.Typer(name="stats", no_args_is_help=True, help="Statistics over plain files.")
