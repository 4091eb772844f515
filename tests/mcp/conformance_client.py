"""The client that the protocol's conformance suite drives: connect to the address it names, and call every tool."""

import asyncio
import json
import sys

from copilot_kit.mcp import mcp_tools
from copilot_kit.tools import ToolContext


async def main() -> None:
    async with mcp_tools(sys.argv[-1]) as tools:
        for number, one in enumerate(tools):
            arguments = {"a": 2, "b": 3} if one.name == "add_numbers" else {}
            context = ToolContext(run_id="run_1", call_id=f"call_{number}")
            output = await one.run(one.canonical(json.dumps(arguments)), context)
            print(one.name, output.outcome, file=sys.stderr)


asyncio.run(main())
