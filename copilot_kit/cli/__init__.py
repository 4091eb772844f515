"""The command line, `copilot-kit`: one module a command, made with Typer.

Typer, since commands, options, help and shell completion then come from the signatures that the type checker sees.
"""

import io
import signal
import sys

__all__ = ["main"]
_INTERRUPTED = 130


def main() -> None:
    """Run the command that `sys.argv` names and exit with its code."""
    try:
        from copilot_kit.cli.program import run

        _escape_what_cannot_be_written()
        code = run(sys.argv[1:])
    except KeyboardInterrupt:  # while all is still being loaded, or put away
        sys.stderr.write("interrupted\n")
        code = _INTERRUPTED
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # nothing is left that could be lost: one more ends it at once
    sys.exit(code)


def _escape_what_cannot_be_written() -> None:
    """See to it that a terminal without Unicode costs a character, and not the verdict that was paid for."""
    out = sys.stdout
    if isinstance(out, io.TextIOWrapper) and out.encoding.lower().replace("-", "") != "utf8":
        out.reconfigure(errors="backslashreplace")
