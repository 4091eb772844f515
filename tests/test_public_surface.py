"""What `copilot_kit` offers is pinned: a name that comes or goes is a decision, and costs nothing before it is used."""

import subprocess
import sys

import copilot_kit

SDKS = ("openai", "anthropic", "xllamacpp")
HEAVY = (*SDKS, "httpx2", "sqlalchemy", "typer", "rich", "tenacity", "genai_prices", "numpy")


def test_the_names_are_these_and_no_others():
    assert sorted(copilot_kit.__all__) == [
        "Agent", "AgentEvent", "Check", "ContextEditing", "CopilotError", "Gate", "Knowledge", "LimitReached",
        "Limits", "Memory", "Message", "Milestone", "Model", "ModelError", "OutputSpec", "Principal", "Proposal",
        "Request", "Response", "Rubric", "Run", "Settings", "Tool", "ToolContext", "ToolError", "Usage", "Window",
        "assistant", "complete", "decide", "earn", "flow_rules", "keep_going", "open_model", "open_store", "rule",
        "schema_tool", "system", "tool", "user",
    ]  # fmt: skip


def test_every_name_is_there_and_says_what_it_is():
    for name in copilot_kit.__all__:
        assert getattr(copilot_kit, name).__doc__, name


def modules_after(statement: str) -> set[str]:
    code = f"{statement}; import sys; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(found.stdout.split())


def test_importing_the_library_imports_nothing_heavy():
    assert modules_after("import copilot_kit").isdisjoint({*HEAVY, "pydantic"})


def test_importing_an_agent_imports_no_sdk_no_sql_and_no_web():
    assert modules_after("from copilot_kit import Agent, tool, open_store").isdisjoint(HEAVY)


def test_an_unknown_name_is_an_ordinary_error():
    assert not hasattr(copilot_kit, "no_such_thing")


def test_what_a_tool_complains_about_lists_all_names():
    assert set(copilot_kit.__all__) <= set(dir(copilot_kit))
