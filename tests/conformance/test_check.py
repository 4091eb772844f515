"""The check of recorded traffic passes an adapter that is right, and names what is wrong with one that is not."""

import json
import subprocess
import sys
from importlib import util
from pathlib import Path

import pytest

from copilot_kit.conformance import BrokenCorpus, Recording, WireCheck, check_corpus
from copilot_kit.errors import UsageError

_SPEC = util.spec_from_file_location("toy", Path(__file__).with_name("toy.py"))
assert _SPEC is not None
assert _SPEC.loader is not None
toy = util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(toy)

HELLO = [{"role": "user", "text": "hi"}]
WHOLE = toy.step(HELLO, {"json": {"text": "Hello.", "tokens": 2}})
STREAM = toy.step(HELLO, {"chunks": ['data: "Hel"\n\n', 'data: "lö."\n\n', "data: [DONE]\n\n"]}, stream=True)
CUT = toy.step(HELLO, {"chunks": ['data: "Hel"\n\n']}, stream=True)
ABRUPT = toy.step(HELLO, {"chunks": ['data: "Hel"\n\n'], "close": "abrupt"}, stream=True)
BUSY = toy.step(HELLO, {"status": 529, "json": {"error": "busy"}})
LIMITED = toy.step(HELLO, {"status": 429, "text": "slow down"})
TURN = {"thought": "hm", "mark": "signed", "call": ["c1", "look", '{"a": 1}'], "tokens": 3}
SENT_BACK = {"role": "assistant", "thought": "hm", "mark": "signed", "call": ["c1", "look", '{"a": 1}']}
TWO_STEPS = (
    toy.step(HELLO, {"json": TURN}),
    toy.step(
        [*HELLO, SENT_BACK, {"role": "tool", "result": ["c1", "found"]}], {"json": {"text": "Found.", "tokens": 2}}
    ),
)


FETCHED = "/v1/chat/completions/c1"


async def verdict(folder: Path, *faults: str):
    report = await check_corpus(folder, checks={"toy": toy.ToyCheck(*faults)})
    (found,) = report.verdicts
    return found


def test_the_toy_is_a_wire_check():
    assert isinstance(toy.ToyCheck(), WireCheck)


@pytest.mark.parametrize("steps", [[WHOLE], [STREAM], [CUT], [ABRUPT], [BUSY], [WHOLE, STREAM], TWO_STEPS])
async def test_a_right_adapter_passes(tmp_path, steps):
    found = await verdict(toy.write(tmp_path, *steps))
    assert (found.status, found.reason, found.steps) == ("passed", "", len(steps))


@pytest.mark.parametrize(
    ("steps", "fault", "reason"),
    [
        ([WHOLE], "loses a text", 'step 0: request: messages.0.text: recorded "hi", not sent'),
        ([WHOLE], "adds a setting", "step 0: request: temperature: not recorded, sent 1"),
        ([WHOLE], "another path", "step 0: request: sent as POST /v2, recorded as POST /v1/chat/completions"),
        ([WHOLE], "counts wrong", "step 0: response: output tokens: the answer says 2, understood as 3"),
        ([WHOLE], "raises", "step 0: raised KeyError: 'choices' (toy.py:"),
        ([CUT], "takes a cut for the end", "step 0: response: error: the answer is TransportFailed, taken for a good"),
        ([STREAM], "reads packets", "step 0: response, cut elsewhere: another answer"),
        (TWO_STEPS, "loses the mark", 'step 1: own turn: messages.1.mark: recorded "signed", not sent'),
        ([LIMITED], "", "step 0: response: error: the answer is RateLimited, understood as Overloaded: busy"),
    ],
)
async def test_what_is_wrong_is_named(tmp_path, steps, fault, reason):
    found = await verdict(toy.write(tmp_path, *steps), fault)
    assert found.status == "failed"
    assert found.reason.startswith(reason)
    assert found.differences[0] == found.reason


async def test_a_provider_that_nobody_claims_is_not_claimed(tmp_path):
    found = await verdict(toy.write(tmp_path, WHOLE, provider="elsewhere"))
    assert (found.status, found.reason) == ("not_claimed", "step 0: no installed adapter claims elsewhere chat")


async def test_an_endpoint_that_is_no_answer_of_a_model_is_not_claimed(tmp_path):
    fetch = {"request": {"method": "GET", "path": FETCHED}, "response": {"status": 200, "json": {}}}
    found = await verdict(toy.write(tmp_path, WHOLE, fetch))
    assert (found.status, found.reason) == (
        "not_claimed", f"step 1: no installed adapter claims toy chat: GET {FETCHED}",
    )  # fmt: skip


async def test_a_fault_in_a_claimed_step_fails_also_where_another_step_is_not_claimed(tmp_path):
    other = toy.step(HELLO, {"json": {}}, path="/v1/messages")
    folder = toy.write(tmp_path, other, WHOLE, provider="several", providers=["toy", "anthropic"])
    assert (await verdict(folder)).status == "not_claimed"
    assert (await verdict(folder, "counts wrong")).status == "failed"


async def test_the_report_has_the_keys_that_scripts_read(tmp_path):
    toy.write(tmp_path, WHOLE, name="a")
    toy.write(tmp_path, WHOLE, name="b", provider="elsewhere")
    toy.write(tmp_path, LIMITED, name="c")
    (tmp_path / "index.json").write_text(json.dumps([{"id": "c"}, {"id": "a"}, {"id": "b"}]))
    heard = []
    report = await check_corpus(tmp_path, checks={"toy": toy.ToyCheck()}, told=heard.append)
    found = report.as_json()
    assert found["summary"] == {"passed": 1, "failed": 1, "not_claimed": 1}
    assert [(row["id"], row["provider"], row["api"], row["status"]) for row in found["exchanges"]] == [
        ("c", "toy", "chat", "failed"),
        ("a", "toy", "chat", "passed"),
        ("b", "elsewhere", "chat", "not_claimed"),
    ]
    assert all(isinstance(row["reason"], str) for row in found["exchanges"])
    assert [row.id for row in heard] == ["c", "a", "b"]
    assert report.exit_code == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "is no JSON"),
        ('{"format": "wire-exchange/2"}', "is no wire-exchange/1 \\(format: Input should be 'wire-exchange/1'\\)"),
        ("[]", "is no wire-exchange/1"),
    ],
)
async def test_a_broken_file_is_an_error_that_names_it(tmp_path, text, reason):
    toy.write(tmp_path, WHOLE)
    (tmp_path / "exchanges" / "other.json").write_text(text)
    with pytest.raises(BrokenCorpus, match=f"other.json {reason}"):
        await check_corpus(tmp_path, checks={})


async def test_a_body_that_is_no_base64_is_a_broken_file(tmp_path):
    folder = toy.write(tmp_path, toy.step(HELLO, {"chunks_base64": ["%%%"]}))
    with pytest.raises(BrokenCorpus, match="no base64"):
        await check_corpus(folder, checks={})


async def test_a_file_of_the_index_that_is_missing_is_an_error(tmp_path):
    (tmp_path / "index.json").write_text('[{"id": "gone", "file": "exchanges/gone.json"}]')
    with pytest.raises(BrokenCorpus, match=r"gone\.json cannot be read"):
        await check_corpus(tmp_path, checks={})


@pytest.mark.parametrize("name", ["nothing", "."])
async def test_a_folder_without_recordings_is_wrong_use(tmp_path, name):
    with pytest.raises(UsageError):
        await check_corpus(tmp_path / name, checks={})


def test_the_runner_prints_json_alone_and_exits_as_promised(tmp_path):
    def run(folder: Path):
        command = [sys.executable, "-m", "copilot_kit.conformance", str(folder), "--json", "--with", "toy:CHECK"]
        (tmp_path / "lib").mkdir(exist_ok=True)
        (tmp_path / "lib" / "toy.py").write_text(Path(toy.__file__).read_text() + "\n\nCHECK = ToyCheck()\n")
        environment = {"PYTHONPATH": f"{tmp_path / 'lib'}:{Path(__file__).parents[2]}"}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    done = run(toy.write(tmp_path, WHOLE))
    assert (done.returncode, json.loads(done.stdout)["summary"]["passed"], done.stderr) == (0, 1, "")
    failed = run(toy.write(tmp_path, LIMITED))
    assert (failed.returncode, json.loads(failed.stdout)["summary"]["failed"]) == (1, 1)
    (tmp_path / "exchanges" / "toy-case.json").write_text("{")
    broken = run(tmp_path)
    assert (broken.returncode, broken.stdout) == (3, "")
    assert "is no JSON" in broken.stderr
    assert run(tmp_path / "nothing").returncode == 64


async def test_every_recording_of_the_shared_corpus_can_be_read(shared):
    from copilot_kit.conformance import recordings

    found = list(recordings(shared / "wire"))
    index = json.loads((shared / "wire" / "index.json").read_text())
    assert [recording.id for recording in found] == [row["id"] for row in index]
    assert sum(len(recording.interactions) for recording in found) == sum(row["steps"] for row in index)


def test_each_step_of_a_conversation_over_several_providers_has_its_own():
    paths = ["/v1/messages", "/openai/v1/chat/completions", "/v1/chat/completions", "/models/chat/completions"]
    paths += ["/v1/responses", "/v1beta/models/gemini-x:generateContent", "/model/m/converse", "/v1/batches"]
    recording = Recording.model_validate(
        {
            "format": "wire-exchange/1",
            "id": "x",
            "provider": "several",
            "api": "several",
            "providers": ["anthropic", "azure", "bedrock", "google", "groq", "openai"],
            "interactions": [toy.step(HELLO, {"json": {}}, path=path) for path in paths],
        }
    )
    assert [recording.speaker(step) for step in range(len(paths))] == [
        ("anthropic", "messages"),
        ("groq", "chat"),
        ("openai", "chat"),
        ("azure", "chat"),
        ("openai", "responses"),
        ("google", "generate"),
        ("bedrock", "converse"),
        ("several", "several"),
    ]
