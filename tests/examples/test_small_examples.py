"""Each small example runs as printed, in a process of its own, and says what it is there to say."""

import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "examples"
SAYS = {
    "first_copilot": (
        'waiting {"body":"It will come.","ticket":17}\n',
        'waiting {"body":"Dear Ada, we are sorry. It comes on Friday.","ticket":17}\n',
        "done Ada knows now.\n",
        "  the model was told: Where is my parcel? It was to come on Monday. Ada\n",
        "sent to the customer of ticket 17: Dear Ada, it comes on Thursday.",
    ),
    "swap_model": (
        "anthropic:claude-sonnet-5 says: The capital of Italy is Rome.\n",
        '    assistant "The capital of Italy is Rome."\n',
        "openai-chat:gpt-5 says: Rome has about 2.8 million people.\n",
        "  did not carry over: opaque reasoning: made by anthropic.messages, which openai.chat cannot read\n",
        "  did not carry over: setting temperature: ",
    ),
    "resume_elsewhere": (
        "a process proposed, and ended\n",
        'another process finds it waiting with {"body":"On its way!","ticket":17}\n',
        "done The reply is out.\n",
    ),
    "own_rule": (
        "12 EUR · done · 12.00 EUR for HP-1077 are on their way\n",
        "80 EUR · waiting · ",
        "900 EUR · done · Not allowed here: no copilot pays back more than 500 EUR.\n",
    ),
    "mcp_files": (
        "offered {'files_read_file': 'read', 'files_write_file': 'external'}\n",
        'waiting files_write_file {"name":"plan.txt","text":"Ship on Monday."}\nthe plan still says: Ship on Friday.\n',
        "done The plan says Monday now. And it does: Ship on Monday.\n",
    ),
    "long_task": (
        "done It is 31 million: north 5, south 5, east 4, west 4, centre 6, islands 7.\n",
        "[('all_are_named', False), ('all_are_named', True)]\n",
    ),
    "without_async": (
        "number=17 urgent=True\n",
        "Ticket 17 comes |first.|\n",
        "The second model answers. ['scripted:model: RateLimited']\n",
    ),
}


@pytest.mark.parametrize("example", SAYS)
def test_it_runs_as_printed(example: str, tmp_path: Path):
    command = [sys.executable, "-W", "error", FOLDER / f"{example}.py"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    for words in SAYS[example]:
        assert words in ran.stdout


def test_every_example_has_a_test():
    names = {path.stem for path in FOLDER.glob("*.py")}
    assert names == {*SAYS, "ollama_adapter"}
