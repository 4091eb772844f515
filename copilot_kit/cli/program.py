"""All commands together, and what the shell is told when one of them ends."""

import errno
import os
import traceback
from collections.abc import Sequence
from importlib.metadata import entry_points
from typing import Annotated, Final

import typer
from typer.exceptions import Abort, TyperException
from typer.main import get_command

from copilot_kit.cli import adapters, audit, chat, demo, doctor, gate, inbox, journal, memory, models, runs, trust
from copilot_kit.cli.screen import told
from copilot_kit.display import visible
from copilot_kit.errors import CopilotError, MissingExtra

GROUP: Final = "copilot_kit.commands"
"""Entry points of other packages: the name of a command, and a function, or a `typer.Typer` with sub-commands."""
WRONG_USE: Final = 64
INTERRUPTED: Final = 130
READER_LEFT: Final = 141
"""As shells say of a program that SIGPIPE ended. Never 0, which is a promotion where a verdict is asked for."""
DEBUG_VARIABLE: Final = "COPILOT_KIT_DEBUG"

_HELP = """Copilots on swappable frontier models.

Example: copilot-kit demo

Exit codes: 0 done, 1 a check failed or something went wrong, 2 inconclusive, 3 invalid, 64 wrong use, 130 interrupted,
141 whoever read the output has left.
"""


def run(arguments: Sequence[str]) -> int:
    """Run the command and return its exit code; whatever goes wrong is one line on standard error."""
    debug = "--debug" in arguments or bool(os.environ.get(DEBUG_VARIABLE))
    words = [word for word in arguments if word != "--debug"]
    try:
        code = get_command(program(words)).main(words, prog_name="copilot-kit", standalone_mode=False)
    except CopilotError as error:
        return _ended(error, str(error), error.exit_code, debug=debug)
    except TyperException as error:
        return _ended(error, _misuse(error), WRONG_USE if error.exit_code == 2 else error.exit_code, debug=debug)  # noqa: PLR2004
    except Abort as error:
        return _ended(error, "interrupted", INTERRUPTED, debug=debug)
    except SystemExit as error:  # so Typer ends a command whose reader has left
        if not isinstance(error.__context__, BrokenPipeError):
            raise
        return READER_LEFT
    except OSError as error:
        text = refused(error)
        return _unforeseen(error, debug=debug) if text is None else _ended(error, text, WRONG_USE, debug=debug)
    except ModuleNotFoundError as error:
        return _not_there(error, debug=debug)
    except Exception as error:  # noqa: BLE001  a person gets one line, and the rest on request
        return _unforeseen(error, debug=debug)
    if code == INTERRUPTED:
        told("interrupted")
    return code if isinstance(code, int) else 0


def program(words: Sequence[str] = ()) -> typer.Typer:
    """Return all commands; those of other packages are loaded if they are asked for, or if all are listed."""
    app = typer.Typer(name="copilot-kit", help=_HELP, no_args_is_help=True, pretty_exceptions_enable=False)
    app.callback(invoke_without_command=True)(_options)
    app.command("demo")(demo.demo)
    app.command("chat")(chat.chat)
    app.command("inbox")(inbox.inbox)
    app.add_typer(runs.app, name="runs")
    app.add_typer(audit.app, name="audit")
    app.add_typer(journal.app, name="journal")
    app.add_typer(gate.app, name="gate")
    app.add_typer(memory.app, name="memory")
    app.add_typer(models.app, name="models")
    app.add_typer(adapters.app, name="adapters")
    app.command("doctor")(doctor.doctor)
    app.command("trust")(trust.trust)
    asked = next((word for word in words if not word.startswith("-")), None)
    own = {one.name for one in app.registered_commands} | {one.name for one in app.registered_groups}
    if asked in own:
        return app
    for point in entry_points(group=GROUP):
        if asked in (None, point.name):
            _add(app, point.name, point.load)
    return app


def _add(app: typer.Typer, name: str, load: object) -> None:
    try:
        found = load() if callable(load) else None
    except Exception as error:  # noqa: BLE001  another package's fault must not take the others along
        told(f"The commands {name!r} cannot be loaded ({type(error).__name__}: {error}). Update or remove the package.")
        return
    if isinstance(found, typer.Typer):
        app.add_typer(found, name=name)
    elif callable(found):
        app.command(name)(found)


def _options(
    *,
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    del debug  # taken from the line before it is parsed, so that it may stand anywhere
    if version:
        from importlib.metadata import version as version_of

        typer.echo(f"copilot-kit {version_of('copilot-kit')}")
        raise typer.Exit


def _misuse(error: TyperException) -> str:
    context = getattr(error, "ctx", None)
    if context is not None and type(error).__name__ == "NoArgsIsHelpError":
        return str(error.format_message())
    command = context.command_path if context is not None else "copilot-kit"
    said = visible(error.format_message()).rstrip(".")
    return f"{said}{'' if said.endswith('?') else '.'} See: {command} --help"


def refused(error: OSError) -> str | None:
    """Return what a person can do about a file that the system refuses; None where the error says nothing of one."""
    if error.filename is None:
        return None
    file = repr(visible(str(error.filename)))
    return {
        errno.ENAMETOOLONG: f"{file} is too long for the name of a file. Choose a shorter one.",
        errno.EACCES: f"This user may not read or write {file}. Name another file, or work in a folder of your own.",
        errno.EROFS: f"{file} is on a disk that cannot be written. Name another file, or work in another folder.",
    }.get(error.errno or 0)


def _not_there(error: ModuleNotFoundError, *, debug: bool) -> int:
    from copilot_kit.cli.extras import extra_with, not_installed

    extra = extra_with(error.name or "", not_installed())
    if extra is None:
        return _unforeseen(error, debug=debug)
    missing = MissingExtra("This command", extra)
    return _ended(error, str(missing), missing.exit_code, debug=debug)


def _unforeseen(error: Exception, *, debug: bool) -> int:
    hint = "" if debug else " (--debug shows the traceback)"
    return _ended(error, f"{type(error).__name__}: {error}{hint}", 1, debug=debug)


def _ended(error: BaseException, text: str, code: int, *, debug: bool) -> int:
    if debug:
        traceback.print_exception(error)
    told(text)
    return code
