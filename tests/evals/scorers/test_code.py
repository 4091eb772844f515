"""Code in the sandbox: what is right passes, and nothing else does, whatever it tries."""

import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from copilot_kit_evals.items import Item
from copilot_kit_evals.public_sets import read
from copilot_kit_evals.scorers.code import CodeTests, program
from copilot_kit_evals.scorers.code_worker import pack, unpack
from copilot_kit_evals.scorers.sandboxing import Bounds, Job, Means, means, run
from copilot_kit_evals.scores import Output

PROMPT = 'import math\n\ndef helper(x):\n    return x + 1\n\ndef twice(x):\n    """Return it twice."""\n'
TEST = (
    "def check(candidate):\n    assert candidate(2) == 4\n    assert candidate([1]) == [1, 1]\n"
    "    assert candidate(helper(1)) == 4\n"
)
QUICK = Bounds(wall_s=5.0)


@pytest.fixture(autouse=True)
def _apart() -> None:
    if not means().is_whole:
        pytest.skip("needs a kernel with user namespaces and Landlock")


def ran(source: str, *, test: str = TEST, bounds: Bounds = QUICK) -> Any:
    return run(Job(source, "twice", PROMPT, test), bounds)


def test_the_right_code_passes_and_the_wrong_fails():
    assert ran("def twice(x): return x * 2").ending == "passed"
    wrong = ran("def twice(x): return x * 3")
    assert (wrong.ending, wrong.detail) == ("failed", "AssertionError: ")


CHEATS = {
    "exit": "import sys\nsys.exit(0)",
    "exit in the call": "def twice(x):\n    raise SystemExit(0)",
    "exit without a word": "import os\nos._exit(0)",
    "a printed verdict": 'print(\'{"kind": "passed", "detail": ""}\')\nprint("pass")\ndef twice(x): return None',
    "a verdict written to every descriptor": "import os\nfor n in range(3, 40):\n    try: os.write(n, b'"
    '{"kind": "passed", "detail": "", "calls": 1}\\n\')\n    except OSError: pass\ndef twice(x): return None',
    "a patched assert": "import builtins\nbuiltins.AssertionError = KeyError\ndef twice(x): return 0",
    "an equal to everything": "class All(int):\n    def __eq__(self, other): return True\n    __hash__ = int.__hash__\n"
    "def twice(x): return All(7)",
    "an object": "class All:\n    def __eq__(self, other): return True\ndef twice(x): return All()",
    "a check of its own": "def check(candidate): pass\ndef twice(x): return 0",
    "a patched main module": "import sys\nsys.modules['__main__'].pack = lambda value: ['int', '0x4']\n"
    "def twice(x): return 0",
    "another check in memory": "import gc\nfor one in gc.get_objects():\n"
    "    if isinstance(one, dict) and 'check' in one:\n        one['check'] = lambda *a: None\ndef twice(x): return 0",
    "a syntax error": "def twice(x) return x",
    "deep recursion": "def twice(x): return twice(x)",
}


@pytest.mark.parametrize("source", CHEATS.values(), ids=CHEATS)
def test_no_trick_is_a_pass(source: str):
    assert ran(source).ending == "failed"


def test_what_takes_too_much_is_stopped():
    assert ran("while True: pass", bounds=Bounds(wall_s=0.6)).ending == "timeout"
    assert ran("def twice(x):\n    while True: pass", bounds=Bounds(wall_s=0.6)).ending == "timeout"
    assert ran("import time\ntime.sleep(60)", bounds=Bounds(wall_s=0.6)).ending == "timeout"
    assert ran("while True: print('x' * 100_000)").ending == "output"
    assert ran("kept = bytearray(4 << 30)\ndef twice(x): return x * 2").detail == "MemoryError: "
    assert "Errno 27" in ran("open('big', 'wb').write(bytes(64 << 20))\ndef twice(x): return x * 2").detail
    assert ran("while True: pass", bounds=Bounds(wall_s=8.0, cpu_s=1)).ending == "failed"


def test_a_fork_bomb_is_stopped_and_leaves_nothing_behind():
    bomb = "import os, time\nfor _ in range(60):\n    if os.fork() == 0:\n        time.sleep(60)\ntime.sleep(60)"
    assert ran(bomb).ending in ("processes", "failed")
    stray = "import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(77.25)\ndef twice(x): return x * 2"
    assert ran(stray).ending == "passed"
    left = workers()
    until = time.monotonic() + 30  # those of tests beside this one end by themselves; what was left here sleeps longer
    while left and time.monotonic() < until:
        time.sleep(0.2)
        left &= workers()
    assert not left


def workers() -> set[int]:
    """Return the ids of all workers that this process can see."""
    found = set()
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if b"code_worker" in place.read_bytes():
                found.add(int(place.parent.name))
        except OSError:
            continue
    return found


def test_files_outside_of_its_folder_and_the_network_are_out_of_reach(tmp_path: Path):
    secret = tmp_path / "secret.txt"
    secret.write_text("the key")
    assert "Permission denied" in ran(f"open({str(secret)!r}).read()").detail
    assert "Permission denied" in ran(f"open({str(tmp_path / 'new')!r}, 'w')").detail
    assert "Permission denied" in ran("open('/proc/self/environ').read()").detail
    assert list(tmp_path.iterdir()) == [secret]
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        told = ran(f"import socket\nsocket.create_connection(('127.0.0.1', {port}), 1)").detail
    assert "Permission denied" in told or "refused" in told or "unreachable" in told
    assert ran("open('own', 'w').write('x')\ndef twice(x): return x * 2").ending == "passed"


def test_the_environment_does_not_reach_the_code(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SOME_API_KEY", "hidden")
    code = "import os\nassert 'SOME_API_KEY' not in os.environ, 'seen'\ndef twice(x): return x * 2"
    assert ran(code).ending == "passed"


def test_tests_that_prove_nothing_are_no_pass():
    assert ran("def twice(x): return x", test="def check(candidate):\n    pass\n").ending == "broken"
    assert ran("def twice(x): return x", test="def check(candidate:\n").ending == "broken"
    assert ran("def twice(x): return x * 2", test="assert twice(2) == 4").ending == "passed"


def test_an_error_of_the_function_reaches_the_tests_by_its_name():
    test = "def check(candidate):\n    try: candidate('a')\n    except ValueError: return\n    assert 0\n"
    assert ran("def twice(x): raise ValueError(x)", test=test).ending == "passed"
    assert ran("def twice(x): raise KeyError(x)", test=test).ending == "failed"


@pytest.mark.parametrize(
    "value",
    [None, True, 0, -(10**400), 0.1, float("inf"), 1 + 2j, "ü\ud800", b"\x00", [1, (2, {3})],
     {"a": [1], (1, 2): None}, frozenset({1}), set(), {}],
)  # fmt: skip
def test_plain_values_travel_with_their_types(value: object):
    back = unpack(pack(value))
    assert (type(back), back) == (type(value), value)


def test_what_is_no_plain_value_does_not_travel():
    with pytest.raises(TypeError, match="generator is no plain value"):
        pack(one for one in ())
    for strange in (["exec", "1"], ["list", {"a": 1}], {"a": 1}, 5, ["int", 5]):
        with pytest.raises(ValueError, match="no packed value"):
            unpack(strange)


RIGHT = "def twice(x):\n    return x * 2\n"


@pytest.mark.parametrize(
    "answer",
    [
        RIGHT,
        f"Here it is:\n```python\n{RIGHT}```\nIt doubles x.",
        f"```py\ndef twice(x):\n    return 0\n```\nBetter:\n```\n{RIGHT}```",
        f"```python\n{RIGHT}",
        "    return x * 2\n",
        "    return x * 2\n\ndef other():\n    pass\nprint(twice(1)",
        "```python\nreturn x * 2\n```",
        "twice = lambda x: x * 2",
    ],
)
def test_code_is_found_however_it_is_wrapped(answer: str):
    source = program(answer, PROMPT, "twice")
    assert source is not None
    space: dict[str, Any] = {}
    exec(source, space)  # noqa: S102
    assert space["twice"](2) == 4


@pytest.mark.parametrize("answer", ["", "I cannot help with that.", "```python\ndef other(x): return x\n```"])
async def test_an_answer_without_code_is_wrong_and_says_so(answer: str):
    score = await CodeTests()(item(), Output(answer))
    assert (score.value, score.meta.get("unparsed")) == (0, True)


def item(**meta: str) -> Item:
    return Item(id="one", input=PROMPT, meta={"prompt": PROMPT, "entry_point": "twice", "test": TEST, **meta})


async def test_the_score_says_what_was_kept_apart_and_how_it_ended():
    score = await CodeTests()(item(), Output(RIGHT))
    assert (score.value, score.meta["ending"]) == (1, "passed")
    assert score.meta["apart"] == {"network": True, "processes": means().counted, "files": True}
    broken = await CodeTests()(item(test="def check(candidate): pass"), Output(RIGHT))
    assert (broken.value, broken.meta["ending"]) == (None, "broken")


def test_a_machine_that_keeps_nothing_apart_can_still_run_code_that_is_trusted():
    nothing = Means((), counted=False, landlock=0)
    assert not nothing.is_whole
    assert run(Job(RIGHT, "twice", PROMPT, TEST), QUICK, kept_by=nothing).ending == "passed"
    assert run(Job("while True: pass", "twice", PROMPT, TEST), Bounds(wall_s=0.6), kept_by=nothing).ending == "timeout"


def test_the_worker_needs_nothing_but_the_standard_library():
    file = Path(sys.modules["copilot_kit_evals.scorers.sandboxing"].__file__ or "").with_name("code_worker.py")
    ended = subprocess.run([sys.executable, "-I", "-S", str(file)], capture_output=True, text=True, check=False)
    assert "IndexError" in ended.stderr


async def solved(published: Path, places: range) -> list[float | None]:
    items = read("humaneval", published / "items" / "humaneval.jsonl")
    assert len(items) == 164
    scorer = CodeTests()
    return [(await scorer(items[place], Output(str(items[place].target)))).value for place in places]


async def test_some_canonical_solutions_of_humaneval_pass(published: Path):
    assert await solved(published, range(0, 164, 41)) == [1.0] * 4


@pytest.mark.slow
async def test_all_canonical_solutions_of_humaneval_pass(published: Path):
    assert await solved(published, range(164)) == [1.0] * 164


@pytest.mark.slow
def test_a_real_fork_bomb_is_stopped():
    if not means().counted:
        pytest.skip("needs a process table of its own")
    assert ran("import os\nwhile True: os.fork()", bounds=Bounds(wall_s=3)).ending in ("processes", "failed")


@pytest.mark.slow
async def test_no_empty_or_stolen_solution_of_humaneval_passes(published: Path):
    items = read("humaneval", published / "items" / "humaneval.jsonl")
    for one in items[::4]:
        for answer in ("    pass\n", "    return None\n", "    import sys\n    sys.exit(0)\n"):
            assert (await CodeTests()(one, Output(answer))).value == 0, one.id
