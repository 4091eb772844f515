"""A task that is longer than the window of its model, done from its notes.

Run it with: python examples/long_task.py
No key: the model is scripted, and knows nothing but what each request shows it.
"""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from copilot_kit import Agent, Request, Window, tool
from copilot_kit.messages import Text, ToolResult
from copilot_kit.testing import FunctionModel, call

REGIONS = ["north", "south", "east", "west", "centre", "islands"]
NOTES = Path(tempfile.mkdtemp()) / "notes"


@tool(effect="read")
def read_report(region: str) -> str:
    """Read the report of a region."""
    return f"{region}: turnover {len(region)} million. " + "It rained a lot, and then it did not. " * 60


def all_are_named(milestone: Any) -> str | None:
    missing = [name for name in REGIONS if name not in milestone.text]
    return f"The answer does not name {', '.join(missing)}." if missing else None


def obedient(request: Request) -> Any:
    parts = [part for message in request.messages for part in message.parts]
    seen = "\n".join(part.text for part in parts if isinstance(part, Text | ToolResult))
    known = [name for name in REGIONS if f"{name}: turnover" in seen]
    if "This window is nearly full" in request.messages[-1].text:
        notes = "".join(f"{name}: turnover {len(name)} million.\n" for name in known)
        return call("memory", {"command": "create", "path": f"/memories/{len(known)}-reports.md", "file_text": notes})
    if len(known) < len(REGIONS):
        return call("read_report", {"region": next(name for name in REGIONS if name not in known)})
    if "does not hold" not in request.messages[-1].text:
        return "It is 31 million."
    return "It is 31 million: " + ", ".join(f"{name} {len(name)}" for name in REGIONS) + "."


async def main() -> None:
    agent = Agent(
        FunctionModel(obedient),
        tools=[read_report],
        memory=NOTES,
        window=Window(tokens=4_500, keep_results=9),
        checks=[all_are_named],
    )
    run = await agent.run("What is the turnover of all regions together?")
    print(run.status, run.text)
    print([(check.name, check.passed) for check in run.checks])
    print(f"what it noted: copilot-kit memory show --root {NOTES}")


if __name__ == "__main__":
    asyncio.run(main())
