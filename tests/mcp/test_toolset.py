"""Tools of an MCP server ask unless both sides say that they read, run once, and are what was approved."""

import asyncio
import dataclasses
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from copilot_kit.agent import Agent
from copilot_kit.errors import CopilotError, UsageError
from copilot_kit.journal.memory import MemoryStore
from copilot_kit.mcp import Change, HttpServer, McpTools, StdioServer, mcp_tools
from copilot_kit.messages import File, Text
from copilot_kit.outputs import ToolOutput
from copilot_kit.records import Principal
from copilot_kit.testing import ScriptedModel, call
from copilot_kit.tools import Tool, ToolContext

CONTEXT = ToolContext(run_id="run_1", call_id="call_1", idempotency_key="key_1")
ADA = Principal(id="ada")


def named(tools: McpTools, name: str) -> Tool[..., Any]:
    return next(one for one in tools if one.name == name)


async def outcome(tools: McpTools, name: str, /, **arguments: object) -> ToolOutput:
    made = named(tools, name)
    return await made.run(made.canonical(json.dumps(arguments)), CONTEXT)


def text_of(output: ToolOutput) -> str:
    return " ".join(part.text for part in output.content if isinstance(part, Text))


# --- what is asked about


async def test_a_tool_only_reads_where_the_user_and_the_server_both_say_so(own_desk: Any):
    async with mcp_tools(own_desk.server, effects={"read_note": "read", "send": "read", "fail": "write"}) as tools:
        effects = {one.name: one.effect for one in tools}
    assert effects["read_note"] == "read"
    assert effects["send"] == "external", "its server says that it changes something"
    assert effects["slow_read"] == "external", "the user does not say that it reads"
    assert effects["fail"] == "write"


async def test_a_call_is_asked_about_approved_and_run_once(desk: Any):
    model = ScriptedModel([call("desk_send", {"to": "bob", "text": "hi"})], "It is sent.")
    async with mcp_tools(desk.server, prefix="desk", effects={"read_note": "read"}) as tools:
        agent = Agent(model=model, tools=tools, store=MemoryStore())
        run = await agent.run("Write to Bob")
        assert run.status == "waiting"
        assert run.proposals[0].arguments == '{"text":"hi","to":"bob"}'
        assert desk.done == []
        run = await run.approve(run.proposals[0].id, by=ADA)
    assert (run.status, run.text) == ("done", "It is sent.")
    assert desk.done == ["sent bob hi"]


async def test_a_read_that_both_sides_declare_runs_at_once_and_its_result_is_text_of_the_server(desk: Any):
    model = ScriptedModel([call("read_note", {"name": "a"})], "I have read it.")
    async with mcp_tools(desk.server, prefix="", effects={"read_note": "read"}) as tools:
        run = await Agent(model=model, tools=tools).run("Read the note")
    assert run.status == "done"
    part = run.messages[-2].parts[0].content[0]
    assert part.text == "the note a"
    assert part.source.kind == "tool"
    assert part.source.ref.endswith(":read_note")
    assert not part.source.trusted


@pytest.mark.slow
async def test_what_was_approved_for_another_version_of_the_server_is_asked_anew(tmp_path: Path, stdio_desk: Any):
    store = MemoryStore()
    script = [[call("send", {"to": "bob"})], "It is sent."]
    async with mcp_tools(stdio_desk.server) as tools:
        run = await Agent(model=ScriptedModel(*script), tools=tools, store=store).run("Write to Bob")
    first = run.proposals[0]
    newer = dataclasses.replace(stdio_desk.server, env={**stdio_desk.server.env, "DESK_VERSION": "2"})
    async with mcp_tools(newer) as tools:
        agent = Agent(model=ScriptedModel("It is sent."), tools=tools, store=store)
        run = await (await agent.load(run.id)).approve(first.id, by=ADA)
        assert run.status == "waiting"
        assert stdio_desk.done == []
        again = run.proposals[0]
        assert (again.id != first.id, again.tool_version != first.tool_version) == (True, True)
        run = await run.approve(again.id, by=ADA)
    assert stdio_desk.done == ["sent bob "]


@pytest.mark.slow
async def test_the_version_is_the_same_at_each_connection_to_the_same_server(stdio_desk: Any):
    versions = []
    for server in (stdio_desk.server, stdio_desk.server, dataclasses.replace(stdio_desk.server, cwd=Path("/"))):
        async with mcp_tools(server) as tools:
            versions.append(named(tools, "send").version)
    assert versions[0] == versions[1]
    assert versions[2] != versions[0], "another place is another server"


async def test_roles_come_from_the_user(own_desk: Any):
    async with mcp_tools(own_desk.server, roles={"send": {"to": "destination", "text": "wording"}}) as tools:
        assert named(tools, "send").roles == {"to": "destination", "text": "wording"}


# --- servers that change, die, hang


async def test_a_tool_that_changes_while_it_is_connected_does_not_run(desk: Any):
    async with mcp_tools(desk.server) as tools:
        await outcome(tools, "rename")
        output = await outcome(tools, "send", to="bob")
    assert output.outcome == "error"
    assert text_of(output).startswith("It did not run: the tool has changed on its server since it was offered here.")
    assert desk.done == []


async def test_a_read_that_has_changed_does_not_run(own_desk: Any):
    async with mcp_tools(own_desk.server, effects={"read_note": "read"}) as tools:
        assert (await outcome(tools, "read_note", name="a")).outcome == "ok"
        await outcome(tools, "rewrite")
        assert text_of(await outcome(tools, "read_note", name="b")).startswith("It did not run: the tool has changed")
    assert own_desk.done == ["read a"]


async def test_a_server_that_dies_in_a_call_leaves_its_outcome_unknown_and_the_next_call_finds_it_started_again(
    stdio_desk: Any,
):
    async with mcp_tools(stdio_desk.server) as tools:
        lost = await outcome(tools, "send_and_die", to="bob")
        assert lost.outcome == "unknown"
        assert text_of(lost).startswith("The server gave no answer (Connection closed). Whether it took effect is not")
        assert (await outcome(tools, "send", to="eve")).outcome == "ok"
    assert stdio_desk.done == ["sent bob", "sent eve "]


@pytest.mark.slow
async def test_a_server_over_http_that_dies_is_found_again_when_it_is_back(serve: Any, port: int, http_desk: Any):
    async with mcp_tools(http_desk.server) as tools:
        assert (await outcome(tools, "send_and_die", to="bob")).outcome == "unknown"
        away = await outcome(tools, "send", to="eve")
        assert away.outcome == "error"
        assert text_of(away).startswith("It did not run. The MCP server 127.0.0.1 cannot be reached: ConnectError")
        serve(
            [sys.executable, Path(__file__).with_name("desk_server.py"), str(port)], port, DESK_DONE=str(http_desk.log)
        )
        assert (await outcome(tools, "send", to="eve")).outcome == "ok"
    assert http_desk.done == ["sent bob", "sent eve "]


@pytest.mark.slow
async def test_an_agents_call_whose_server_died_waits_for_a_person_and_is_not_repeated(stdio_desk: Any):
    model = ScriptedModel([call("send_and_die", {"to": "bob"})], "Settled.")
    async with mcp_tools(stdio_desk.server) as tools:
        agent = Agent(model=model, tools=tools)
        run = await agent.run("Write to Bob")
        run = await run.approve(run.proposals[0].id, by=ADA)
        assert [one.call.name for one in run.unknown] == ["send_and_die"]
        run = await agent.resume(run.id)
        assert stdio_desk.done == ["sent bob"]
        run = await run.settle(run.unknown[0].call.call_id, done=True, by=ADA)
    assert (run.status, run.text) == ("done", "Settled.")


async def test_an_effect_that_takes_too_long_is_of_unknown_outcome_and_a_read_is_an_error(desk: Any):
    async with mcp_tools(desk.server, timeout_s=0.5, effects={"slow_read": "read"}) as tools:
        effect = await outcome(tools, "slow", seconds=30)
        read = await outcome(tools, "slow_read", seconds=30)
        assert (effect.outcome, read.outcome) == ("unknown", "error")
        assert (await outcome(tools, "send", to="bob")).outcome == "ok"


async def test_a_cancelled_call_leaves_the_connection_whole(desk: Any):
    async with mcp_tools(desk.server) as tools:
        task = asyncio.create_task(outcome(tools, "slow", seconds=30))
        while desk.done != ["slow began"]:  # noqa: ASYNC110  the server is another process
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await outcome(tools, "send", to="bob")).outcome == "ok"


async def test_calls_of_several_tasks_share_a_connection(desk: Any):
    async with mcp_tools(desk.server, effects={"slow_read": "read"}) as tools:
        outputs = await asyncio.gather(*(outcome(tools, "slow_read", seconds=0.3) for _ in range(10)))
    assert {output.outcome for output in outputs} == {"ok"}


async def test_after_the_block_nothing_runs(own_desk: Any):
    async with mcp_tools(own_desk.server) as tools:
        pass
    assert text_of(await outcome(tools, "send", to="bob")).startswith("It did not run. The connection to ")
    assert own_desk.done == []


# --- what servers say and ask


async def test_what_a_server_returns_becomes_parts_labelled_with_whose_they_are(desk: Any):
    async with mcp_tools(desk.server, prefix="desk") as tools:
        content = (await outcome(tools, "desk_everything")).content
    texts = [part.text if isinstance(part, Text) else part.media_type for part in content]  # type: ignore[union-attr]
    assert texts == [
        "words",
        "image/png",
        "[application/octet-stream was left out: it is not in base64.]",
        "a note",
        '{"count": 3}',
    ]
    assert isinstance(content[1], File)
    assert content[1].data == b"\x89PNG"
    assert {part.source.ref for part in content} == {"desk:everything"}  # type: ignore[union-attr]


async def test_an_error_of_the_tool_is_an_error_and_a_long_result_is_cut(own_desk: Any):
    async with mcp_tools(own_desk.server, max_result_chars=10) as tools:
        failed = await outcome(tools, "fail")
        cut = await outcome(tools, "long", size=35)
    assert failed.outcome == "error"
    assert text_of(cut).startswith("xxxxxxxxxx \n[Cut here: 25 of 35 characters are missing.")


async def test_a_server_that_asks_the_user_is_given_nothing(desk: Any):
    async with mcp_tools(desk.server) as tools:
        output = await outcome(tools, "ask")
    assert output.outcome in ("error", "unknown")
    assert desk.done == []


async def test_a_program_gets_none_of_the_environment_but_what_is_named(
    stdio_desk: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("BILLING_API_KEY", "sk-secret")
    async with mcp_tools(stdio_desk.server) as tools:
        names = set(text_of(await outcome(tools, "environment")).split())
    inherited = {"HOME", "LOGNAME", "PATH", "SHELL", "TERM", "USER"}
    assert names - inherited - {"LC_CTYPE"} == {"DESK_DONE"}


async def test_names_that_models_refuse_are_changed_and_never_two_are_the_same(own_desk: Any):
    async with mcp_tools(own_desk.server) as tools:
        assert text_of(await outcome(tools, "odd_name")) == "underlined"
        marked = next(one.name for one in tools if one.name.startswith("odd_name_"))
        assert text_of(await outcome(tools, marked)) == "dotted"


# --- pins


async def test_what_has_changed_since_the_server_was_accepted_is_told_and_asks(tmp_path: Path, own_desk: Any):
    pins = tmp_path / "pins.json"
    reads: Any = {"read_note": "read"}
    async with mcp_tools(own_desk.server, prefix="desk", effects=reads, pins=pins) as tools:
        assert tools.changes == ()
    kept = json.loads(pins.read_text())
    kept["desk"]["read_note"] = "sha256:other"
    del kept["desk"]["send"]
    kept["desk"]["old"] = "sha256:old"
    pins.write_text(json.dumps({**kept, "another": {"a": "sha256:a"}}))
    for _ in range(2):
        async with mcp_tools(own_desk.server, prefix="desk", effects=reads, pins=pins) as tools:
            assert tools.changes == (Change("old", "gone"), Change("read_note", "changed"), Change("send", "new"))
            assert named(tools, "desk_read_note").effect == "external"
    tools.accept()
    async with mcp_tools(own_desk.server, prefix="desk", effects=reads, pins=pins) as tools:
        assert tools.changes == ()
        assert named(tools, "desk_read_note").effect == "read"
    assert json.loads(pins.read_text())["another"] == {"a": "sha256:a"}


@pytest.mark.parametrize("text", ["[]", '{"desk": 1}', "\ufeffno", '{"desk": {"send": 1}}'])
async def test_a_file_that_holds_no_pins_is_refused_and_kept(tmp_path: Path, own_desk: Any, text: str):
    pins = tmp_path / "pins.json"
    pins.write_text(text)
    with pytest.raises(UsageError, match="is no file of pins"):
        async with mcp_tools(own_desk.server, prefix="desk", pins=pins):
            pass
    assert pins.read_text() == text


# --- wrong use


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ({"effects": {"sned": "read"}}, "effects= names 'sned', which the server does not offer. It offers: ask, "),
        ({"roles": {"sned": {}}}, "roles= names 'sned'"),
        ({"only": ["sned"]}, "only= names 'sned'"),
        ({"effects": {"send": "reads"}}, "effects= says 'reads' of 'send'. Write one of read, write, external"),
        ({"roles": {"send": {"cc": "destination"}}}, "names 'cc' of 'send', which is no argument of it"),
    ],
)
async def test_what_the_user_says_of_a_tool_that_there_is_not_is_refused(
    own_desk: Any, said: dict[str, Any], complaint: str
):
    with pytest.raises(UsageError, match=complaint):
        async with mcp_tools(own_desk.server, **said):
            pass


async def test_only_takes_what_it_names(own_desk: Any):
    async with mcp_tools(own_desk.server, only=["send"]) as tools:
        assert [one.name for one in tools] == ["send"]


async def test_a_program_that_is_not_there_is_told_with_its_name():
    with pytest.raises(UsageError, match="'no-such-server' cannot be started: "):
        async with mcp_tools(StdioServer("no-such-server")):
            pass


async def test_a_program_that_fails_at_once_is_told_with_its_last_words():
    words = "import sys; print('one', file=sys.stderr); sys.exit('no \\x1b[31mdatabase')"
    with pytest.raises(CopilotError, match=r"Its last words: no ⟦U\+001B⟧\[31mdatabase"):
        async with mcp_tools(StdioServer(sys.executable, ["-c", words])):
            pass


@pytest.mark.slow
async def test_a_program_that_never_answers_is_given_up():
    with pytest.raises(CopilotError, match=r"did not answer within 0\.5 s"):
        async with mcp_tools(StdioServer("sleep", ["60"]), connect_s=0.5):
            pass


async def test_an_address_where_nobody_answers_is_told():
    with pytest.raises(CopilotError, match=r"The MCP server 127\.0\.0\.1 cannot be reached: ConnectError"):
        async with mcp_tools("http://127.0.0.1:9/mcp"):
            pass


@pytest.mark.parametrize(
    ("url", "headers", "complaint"),
    [
        ("127.0.0.1:8000/mcp", {}, "is no address of an MCP server"),
        ("file:///etc/passwd", {}, "is no address of an MCP server"),
        ("https://ada:secret@host/mcp", {}, "holds a password"),
        ("http://host/mcp", {"Authorization": "Bearer x"}, "as plain text"),
    ],
)
def test_an_address_that_would_give_something_away_is_refused(url: str, headers: dict[str, str], complaint: str):
    with pytest.raises(UsageError, match=complaint) as refused:
        HttpServer(url, headers)
    assert "secret" not in str(refused.value)


def test_keys_of_a_server_are_not_in_what_is_printed_of_it():
    assert "secret" not in repr(StdioServer("a", env={"KEY": "secret"})) + repr(
        HttpServer("https://h", {"A": "secret"})
    )


async def test_a_servers_tool_is_given_an_undo_and_a_check_of_the_users(own_desk: Any):
    async with mcp_tools(own_desk.server) as tools:
        sent = dataclasses.replace(
            named(tools, "send"), undo=lambda to, result: f"{to}: {result}", check=lambda to: to in own_desk.done[0]
        )
        canonical = sent.canonical('{"to": "bob"}')
        await sent.run(canonical, CONTEXT)
        assert sent.version == named(tools, "send").version
        assert text_of(await sent.take_back(canonical, CONTEXT, result="sent")) == "bob: sent"
        assert await sent.find_out(canonical, CONTEXT) is True


@pytest.mark.slow
async def test_a_program_ends_with_the_block_even_if_that_is_cancelled(stdio_desk: Any):
    async def work() -> None:
        async with mcp_tools(stdio_desk.server) as tools:
            await outcome(tools, "slow", seconds=60)

    task = asyncio.create_task(work())
    while stdio_desk.done != ["slow began"]:  # noqa: ASYNC110  the server is another process
        await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(ProcessLookupError):
        os.kill(int(stdio_desk.log.with_name("pid").read_text()), 0)
