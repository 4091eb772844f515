"""The command line, `copilot-kit`: one module a command, made with Typer.

Typer, since commands, options, help and shell completion then come from the signatures that the type checker sees.
"""

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command that `sys.argv` names and exit with its code."""
    from copilot_kit.cli.program import run

    sys.exit(run(sys.argv[1:]))
