"""docs/decisions.md says what is so: its commands run, on a journal in which people decided."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.evals.cli.test_recorded import shop
from tests.evals.conftest import copilot

DOC = (Path(__file__).parents[2] / "docs" / "decisions.md").read_text()
CONSOLE = re.findall(r"^```console\n\$ copilot-kit (.*?)\n(.*?)^```", DOC, re.MULTILINE | re.DOTALL)
__all__ = ["copilot", "shop"]


def test_the_commands_print_what_stands_there(shop: Path, copilot: Callable[..., Any]) -> None:
    assert len(CONSOLE) == 4
    for words, printed in CONSOLE:
        ended = copilot(*shlex.split(words))
        assert ended.code == 0, ended.err
        lines = [re.sub(r"run_\w{32}", "run_ID", line) for line in ended.out.splitlines()]
        for line in printed.splitlines():  # the first lines; runs of one moment come in any order
            assert re.sub(r"run_\w{32}", "run_ID", line) in lines


@pytest.mark.parametrize("command", ["eval from-journal", "shadow", "rehearse"])
def test_every_option_that_is_named_exists(command: str, copilot: Callable[..., Any]) -> None:
    shown = copilot(*command.split(), "--help").out
    for option in re.findall(rf"copilot-kit {command} .*", DOC):
        assert all(name in shown for name in re.findall(r"--[a-z-]+", option))
