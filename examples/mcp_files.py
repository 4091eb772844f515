"""The tools of an MCP server: reading runs, writing waits for a person, and a server that changes is told.

After pip install "copilot-kit[mcp]", run it as it is, without a key: python examples/mcp_files.py (the server is this
file again, as another program)
"""

import asyncio
import sys
import tempfile
from pathlib import Path

from copilot_kit import Agent, Principal
from copilot_kit.mcp import StdioServer, mcp_tools
from copilot_kit.testing import ScriptedModel, call


def serve(folder: Path) -> None:
    from mcp.server.mcpserver import MCPServer
    from mcp_types import ToolAnnotations

    server = MCPServer("files", log_level="ERROR")

    @server.tool(annotations=ToolAnnotations(read_only_hint=True))
    def read_file(name: str) -> str:
        """Return what a file says."""
        return (folder / Path(name).name).read_text()

    @server.tool()
    def write_file(name: str, text: str) -> str:
        """Write a file anew."""
        (folder / Path(name).name).write_text(text)
        return f"wrote {name}"

    server.run()


async def work(folder: Path) -> None:
    (folder / "plan.txt").write_text("Ship on Friday.")
    model = ScriptedModel(
        [call("files_read_file", {"name": "plan.txt"})],
        [call("files_write_file", {"name": "plan.txt", "text": "Ship on Monday."})],
        "The plan says Monday now.",
    )
    server = StdioServer(sys.executable, [__file__, "serve", str(folder)])
    async with mcp_tools(server, prefix="files", effects={"read_file": "read"}, pins=folder / "pins.json") as files:
        print("offered", {one.name: one.effect for one in files})
        run = await Agent(model, tools=files).run("We ship on Monday: correct the plan")
        print(run.status, run.proposals[0].tool, run.proposals[0].arguments)
        print("the plan still says:", (folder / "plan.txt").read_text())
        run = await run.approve(run.proposals[0].id, by=Principal(id="anna"))
        print(run.status, run.text, "And it does:", (folder / "plan.txt").read_text())


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(Path(sys.argv[2]))
    else:
        with tempfile.TemporaryDirectory() as name:
            asyncio.run(work(Path(name)))
