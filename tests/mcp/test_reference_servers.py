"""The protocol's own reference servers, from npm, driven through an agent with a person in between."""

import json
from pathlib import Path
from typing import Any

import pytest

from copilot_kit.agent import Agent
from copilot_kit.mcp import HttpServer, StdioServer, mcp_tools
from copilot_kit.mcp.servers import AnyServer
from copilot_kit.messages import File, Text
from copilot_kit.outputs import ToolOutput
from copilot_kit.records import Principal
from copilot_kit.testing import ScriptedModel, call
from copilot_kit.tools import ToolContext

# ruff: noqa: ASYNC240  files are looked at between the calls
pytestmark = pytest.mark.slow
ADA = Principal(id="ada")
CONTEXT = ToolContext(run_id="run_1", call_id="call_1")


@pytest.fixture(params=["stdio", "http"])
def everything(request: pytest.FixtureRequest, programs: Path) -> AnyServer:
    """The server that has one of each, over stdio, and over HTTP: then on 127.0.0.1 only."""
    if request.param == "stdio":
        return StdioServer(str(programs / "mcp-server-everything"), ["stdio"])
    port = request.getfixturevalue("port")
    command = [
        "node",
        "--import",
        request.getfixturevalue("local_only"),
        programs / "mcp-server-everything",
        "streamableHttp",
    ]
    request.getfixturevalue("serve")(command, port, PORT=str(port))
    return HttpServer(f"http://127.0.0.1:{port}/mcp")


def text_of(output: ToolOutput) -> str:
    return "".join(part.text for part in output.content if isinstance(part, Text))


async def test_the_server_that_has_one_of_each(everything: Any):
    async with mcp_tools(everything, prefix="all", timeout_s=20) as tools:
        assert tools.left_out == {}
        assert {one.effect for one in tools} == {"external"}
        by_name = {one.name: one for one in tools}

        async def outcome(name: str, **arguments: object) -> ToolOutput:
            made = by_name[f"all_{name}"]
            return await made.run(made.canonical(json.dumps(arguments)), CONTEXT)

        assert text_of(await outcome("echo", message="hi")) == "Echo: hi"
        assert text_of(await outcome("get-sum", a=2, b=3)) == "The sum of 2 and 3 is 5."
        assert any(isinstance(part, File) for part in (await outcome("get-tiny-image")).content)
        weather = json.loads(text_of(await outcome("get-structured-content", location="New York")))
        assert weather["conditions"]
        assert "was not fetched" in text_of(await outcome("get-resource-links", count=2))


async def test_a_file_is_written_only_after_a_person_said_yes_and_read_without_asking(programs: Path, tmp_path: Path):
    server = StdioServer(str(programs / "mcp-server-filesystem"), [str(tmp_path)])
    note = str(tmp_path / "note.txt")
    model = ScriptedModel(
        [call("files_write_file", {"path": note, "content": "hello"})],
        [call("files_read_text_file", {"path": note})],
        "It says hello.",
    )
    roles: Any = {"write_file": {"path": "object", "content": "content"}}
    async with mcp_tools(server, prefix="files", effects={"read_text_file": "read"}, roles=roles) as tools:
        run = await Agent(model=model, tools=tools).run("Write a note and read it")
        assert (run.status, run.proposals[0].tool) == ("waiting", "files_write_file")
        assert json.loads(run.proposals[0].arguments) == {"path": note, "content": "hello"}
        assert not Path(note).exists()
        run = await run.approve(run.proposals[0].id, by=ADA)
    assert (run.status, run.text) == ("done", "It says hello.")
    assert Path(note).read_text() == "hello"
    assert run.messages[-2].parts[0].text.startswith("hello")  # type: ignore[union-attr]


async def test_a_path_outside_of_its_folder_is_the_servers_error(programs: Path, tmp_path: Path):
    server = StdioServer(str(programs / "mcp-server-filesystem"), [str(tmp_path)])
    async with mcp_tools(server, only=["read_text_file"]) as tools:
        output = await tools[0].run('{"path":"/etc/hostname"}', CONTEXT)
    assert output.outcome == "error"
    assert "outside allowed directories" in text_of(output)


async def test_a_memory_is_kept_over_connections(programs: Path, tmp_path: Path):
    server = StdioServer(str(programs / "mcp-server-memory"), env={"MEMORY_FILE_PATH": str(tmp_path / "memory.jsonl")})
    entity = {"name": "Anna", "entityType": "person", "observations": ["likes tea"]}
    model = ScriptedModel([call("create_entities", {"entities": [entity]})], "Noted.")
    async with mcp_tools(server) as tools:
        run = await Agent(model=model, tools=tools).run("Anna likes tea")
        run = await run.approve(run.proposals[0].id, by=ADA)
        assert run.status == "done"
    async with mcp_tools(server, effects={"search_nodes": "read"}) as tools:
        search = next(one for one in tools if one.name == "search_nodes")
        assert search.effect == "read"
        assert "likes tea" in text_of(await search.run(search.canonical('{"query": "tea"}'), CONTEXT))
