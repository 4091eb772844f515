"""What every command keeps: one-line errors, exit codes, help with an example, JSON alone on standard output."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from copilot_kit.cli.program import refused

COMMANDS = [
    ("demo",),
    ("chat",),
    ("runs", "list"),
    ("runs", "show"),
    ("models", "list"),
    ("models", "show"),
    ("models", "pull"),
    ("models", "check"),
    ("adapters", "check"),
    ("doctor",),
    ("inbox",),
    ("trust",),
    ("audit", "verify"),
    ("journal", "erase"),
    ("journal", "export"),
    ("gate", "explain"),
    ("gate", "test"),
    ("gate", "rules"),
    ("gate", "revoke"),
    *((group,) for group in ("runs", "audit", "journal", "gate", "models", "adapters")),
]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example(copilot: Callable[..., Any], words: tuple[str, ...]):
    ended = copilot(*words, "--help")
    assert ended.code == 0
    assert f"Example: copilot-kit {' '.join(words)}" in " ".join(ended.out.split())


def test_the_help_of_cases_names_their_table(copilot: Callable[..., Any]):
    assert "tables named case of a .toml" in " ".join(copilot("gate", "test", "--help").out.replace("│", "").split())


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("nonsense",), "No such command 'nonsense'. See: copilot-kit --help\n"),
        (("runs", "show"), "Missing argument 'run_id'. See: copilot-kit runs show --help\n"),
        (("chat", "--modle", "x"), "See: copilot-kit chat --help\n"),
        (("runs", "list", "--limit", "none"), "See: copilot-kit runs list --help\n"),
    ],
)
def test_wrong_use_exits_with_64_and_one_line(copilot: Callable[..., Any], words: tuple[str, ...], complaint: str):
    ended = copilot(*words)
    assert ended.code == 64
    assert ended.out == ""
    assert ended.err.endswith(complaint)
    assert ended.err.count("\n") == 1


def test_an_error_of_the_library_is_its_message_and_its_code(copilot: Callable[..., Any]):
    ended = copilot("models", "check", "gemini")
    assert ended.code == 64
    assert ended.err.startswith("Cannot open model 'gemini': write it as 'provider:name'")
    assert ended.err.count("\n") == 1


def test_an_error_of_a_model_exits_with_1(copilot: Callable[..., Any], acme: Path):
    ended = copilot("models", "check", "acme:busy")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == "Too many requests. Wait a minute.\n"


def test_a_name_that_no_file_can_have_is_wrong_use_in_one_line(copilot: Callable[..., Any]):
    ended = copilot("audit", "verify", "--store", "x" * 5000)
    assert ended.code == 64
    assert ended.err.count("\n") == 1
    assert ended.err.endswith("is too long for the name of a file. Choose a shorter one.\n")


def test_any_other_error_is_one_line_and_the_traceback_comes_on_request(copilot: Callable[..., Any], acme: Path):
    ended = copilot("models", "check", "acme:broken")
    assert ended.code == 1
    assert ended.err == "ZeroDivisionError: division by zero (--debug shows the traceback)\n"
    assert "Traceback (most recent call last)" in copilot("models", "check", "acme:broken", "--debug").err


def test_other_packages_add_commands(copilot: Callable[..., Any], acme: Path):
    assert copilot("sing", "loudly").out == "la\n"


def test_a_package_whose_commands_do_not_load_takes_no_others_along(copilot: Callable[..., Any], acme: Path):
    ended = copilot("lame", "x")
    assert ended.code == 64
    assert "The commands 'lame' cannot be loaded (ModuleNotFoundError" in ended.err
    assert "lame" not in copilot("doctor").err, "commands of others are loaded only where they are asked for"


def test_the_version_is_shown(copilot: Callable[..., Any]):
    assert copilot("--version").out.startswith("copilot-kit 0.")


def test_the_module_is_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "copilot_kit", "runs", "list", "--json"], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_importing_the_library_imports_no_command_line():
    program = "import copilot_kit, sys; print([m for m in ('typer', 'rich', 'sqlalchemy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_shells_completion_is_on(monkeypatch: pytest.MonkeyPatch):
    import os

    env = {**os.environ, "_COPILOT_KIT_COMPLETE": "complete_bash", "COMP_WORDS": "copilot-kit mod", "COMP_CWORD": "1"}
    done = subprocess.run([sys.executable, "-m", "copilot_kit"], capture_output=True, text=True, env=env, check=False)
    assert "models" in done.stdout.split()


def test_ctrl_c_while_the_commands_are_loaded_is_one_line_and_130():
    program = (
        "import builtins, sys\n"
        "from copilot_kit.cli import main\n"
        "real = builtins.__import__\n"
        "def slow(name, *rest):\n"
        "    if name == 'copilot_kit.cli.program': raise KeyboardInterrupt\n"
        "    return real(name, *rest)\n"
        "builtins.__import__ = slow\n"
        "main()\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (130, "", "interrupted\n")


@pytest.mark.parametrize("words", [("--help",), ("eval", "run", "--help")], ids=" ".join)
def test_a_reader_that_leaves_ends_a_command_quietly_and_never_with_0(words: tuple[str, ...]):
    run = [sys.executable, "-c", "from copilot_kit.cli import main; main()", *words]
    with subprocess.Popen(run, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert (process.stderr.read(), process.wait()) == (b"", 141)


def test_a_terminal_without_unicode_costs_a_character_and_not_the_verdict(tmp_path: Path):
    rows = [f"{model},{item},1" for model in ("old", "nu\u00b7") for item in range(20)]
    (tmp_path / "results.csv").write_text("\n".join(["model,item,passed", *rows]), encoding="utf-8")
    words = ["snap", "--from-logs", "results.csv", "--incumbent", "old", "--candidate", "nu\u00b7"]
    run = [sys.executable, "-c", "from copilot_kit.cli import main; main()", *words]
    ended = subprocess.run(
        run, cwd=tmp_path, env={**os.environ, "PYTHONIOENCODING": "ascii"}, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stderr) == (2, "")
    assert ended.stdout.startswith("inconclusive: nu\\xb7 in place of old")


@pytest.mark.parametrize(
    ("number", "complaint"),
    [
        (13, "This user may not read or write 'notes/a.txt'. Name another file, or work in a folder of your own."),
        (30, "'notes/a.txt' is on a disk that cannot be written. Name another file, or work in another folder."),
        (36, "'notes/a.txt' is too long for the name of a file. Choose a shorter one."),
    ],
)
def test_a_file_that_the_system_refuses_is_named_with_what_to_do(number: int, complaint: str):
    assert refused(OSError(number, "no", "notes/a.txt")) == complaint


def test_an_error_that_names_no_file_or_is_of_another_kind_is_not_explained_away():
    assert refused(OSError(13, "no")) is None
    assert refused(OSError(5, "no", "notes/a.txt")) is None
