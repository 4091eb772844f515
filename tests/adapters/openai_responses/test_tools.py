"""Tools, calls and results: in whose form they go out, and what comes back."""

import json

import pytest

from copilot_kit.messages import File, Foreign, Text, ToolCall, ToolResult, Wire, answer, results, user
from copilot_kit.request import ProviderTool, Request, ToolSpec

WHOLE = {"delivery": "whole"}
ASK = Request(messages=(user("?"),), **WHOLE)
OBJECT = {"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"], "additionalProperties": False}


def call(number=1, **fields: object):
    return {"type": "function_call", "id": f"fc_{number}", "call_id": f"call_{number}", "name": "look",
            "arguments": '{"q":"x"}', "status": "completed"} | fields  # fmt: skip


async def sent_after(line, *items: dict[str, object], by=None, provider="openai"):
    """The input that goes out after an answer of these items, and the results that `by` makes of its calls."""
    response = await line({"output": list(items)}, provider=provider).ask(ASK)
    made = by(response.calls) if by else ()
    turn = (response.message, results(*made)) if made else (response.message,)
    return response, (await line(provider=provider).body(Request(messages=turn, **WHOLE)))["input"]


async def test_trap_09_a_result_refers_to_the_providers_own_id(line):
    odd = call(call_id="call-fca4536f-0c00-405b-8fa5-08ec198ed232-0")
    _, items = await sent_after(line, odd, by=lambda calls: [answer(calls[0], "1")])
    assert [item["call_id"] for item in items] == [odd["call_id"]] * 2


async def test_trap_09_a_call_without_any_id_of_the_provider_still_has_one_of_ours(line):
    response = await line({"output": [{"type": "function_call", "name": "look", "arguments": "{}"}]}).ask(ASK)
    assert response.calls[0].call_id.startswith("call_")


async def test_trap_10_parallel_results_are_an_item_each(line):
    _, items = await sent_after(line, call(1), call(2), by=lambda calls: [answer(c, c.name) for c in calls])
    assert [(item["type"], item["call_id"]) for item in items] == [
        ("function_call", "call_1"),
        ("function_call", "call_2"),
        ("function_call_output", "call_1"),
        ("function_call_output", "call_2"),
    ]


@pytest.mark.parametrize("arguments", ["", "  ", None, "{}"])
async def test_trap_11_no_arguments_are_an_empty_object(line, arguments):
    response = await line({"output": [call(arguments=arguments)]}).ask(ASK)
    assert response.calls[0].args_json == "{}"


async def test_trap_11_broken_arguments_arrive_as_they_are(line):
    response = await line({"output": [call(arguments='{"q": ')]}).ask(ASK)
    assert response.calls[0].args_json == '{"q": '


async def test_trap_12_a_call_in_an_answer_that_says_completed_is_a_stop_for_a_tool(line):
    response = await line({"output": [call()]}).ask(ASK)
    assert (response.stop.kind, response.stop.raw) == ("tool", "completed")


async def test_trap_13_strict_is_always_said(line):
    loose = {"type": "object", "properties": {"q": {"type": "string", "pattern": "x"}}}
    tools = (
        ToolSpec(name="fits", parameters=OBJECT),
        ToolSpec(name="does_not", parameters=loose),
        ToolSpec(name="wants_it", parameters=loose, strict=True),
        ToolSpec(name="does_not_want_it", parameters=OBJECT, strict=False),
    )
    body = await line().body(ASK.model_copy(update={"tools": tools}))
    assert [(t["name"], t["strict"]) for t in body["tools"]] == [
        ("fits", True),
        ("does_not", False),
        ("wants_it", True),
        ("does_not_want_it", False),
    ]
    assert body["tools"][1]["parameters"] == loose


async def test_trap_15_images_and_files_in_a_result_are_a_list(line):
    image = File(media_type="image/png", data=b"\x89PNG")
    paper = File(media_type="application/pdf", data=b"%PDF", name="a.pdf")
    held = File(media_type="application/pdf", wire=Wire(origin="openai.responses", id="file-1"))
    _, items = await sent_after(line, call(), by=lambda calls: [answer(calls[0], "Look:", image, paper, held)])
    assert items[1]["output"] == [
        {"type": "input_text", "text": "Look:"},
        {"type": "input_image", "image_url": "data:image/png;base64,iVBORw=="},
        {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERg=="},
        {"type": "input_file", "file_id": "file-1"},
    ]


async def test_trap_15_xai_gets_files_of_results_in_a_users_message_after_all_results(line):
    image = File(media_type="image/png", data=b"\x89PNG")

    def by(calls):
        return [answer(calls[0], "Here.", image), answer(calls[1], "Nothing.")]

    _, items = await sent_after(line, call(1), call(2), by=by, provider="xai")
    assert [item.get("output") for item in items[2:4]] == ["Here.", "Nothing."]
    assert items[4]["role"] == "user"
    assert items[4]["content"][1] == {"type": "input_image", "image_url": "data:image/png;base64,iVBORw=="}


async def test_trap_16_a_failed_tool_is_told_in_words(line):
    def by(calls):
        return [answer(calls[0], "No such city.", outcome="error"), answer(calls[1], outcome="denied")]

    _, items = await sent_after(line, call(1), call(2), by=by)
    assert [item["output"] for item in items[2:]] == ["No such city.", "[denied]"]


async def test_namespace_and_caller_of_a_call_come_back(line):
    item = call(namespace="weather", caller={"type": "program", "caller_id": "call_9"})
    assert (await sent_after(line, item))[1] == [item]


async def test_a_call_that_was_cut_off_is_not_a_call(line):
    half = call(arguments='{"q": "Ber', status="incomplete")
    cut = {"output": [half], "status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
    response = await line(cut).ask(ASK)
    assert (response.stop.kind, response.calls) == ("length", ())
    assert response.message.parts == (
        Foreign(kind="copilot_kit.partial_tool_call", value={"name": "look", "args_json": '{"q": "Ber'}),
    )


async def test_one_tool_by_name_and_several(line):
    tools = tuple(ToolSpec(name=name, parameters=OBJECT) for name in ("a", "b", "c"))
    one = await line().body(ASK.model_copy(update={"tools": tools, "tool_choice": ("b",)}))
    two = await line().body(ASK.model_copy(update={"tools": tools, "tool_choice": ("a", "b")}))
    assert one["tool_choice"] == {"type": "function", "name": "b"}
    assert two["tool_choice"] == {
        "type": "allowed_tools",
        "mode": "required",
        "tools": [{"type": "function", "name": "a"}, {"type": "function", "name": "b"}],
    }


async def test_a_tool_of_another_provider_is_left_out_and_reported(line):
    tools = (
        ProviderTool(kind="openai.web_search", value={"search_context_size": "low"}),
        ProviderTool(kind="anthropic.web_search_20250305", value={"name": "web_search"}),
    )
    asked = line()
    response = await asked.ask(ASK.model_copy(update={"tools": tools}))
    assert asked.bodies[0]["tools"] == [{"type": "web_search", "search_context_size": "low"}]
    assert [(d.kind, d.name) for d in response.dropped] == [("tool", "anthropic.web_search_20250305")]


# Calls that the application runs for tools of the API's own: calls like any other, with results in their own form.


async def test_a_custom_tool_gets_free_text_and_answers_in_its_own_item(line):
    item = {"type": "custom_tool_call", "id": "ctc_1", "call_id": "call_1", "name": "sql", "input": 'SELECT "ü"\n',
            "status": "completed"}  # fmt: skip
    response, items = await sent_after(line, item, by=lambda calls: [answer(calls[0], "3 rows")])
    assert response.stop.kind == "tool"
    assert json.loads(response.calls[0].args_json) == {"input": 'SELECT "ü"\n'}
    assert items == [item, {"type": "custom_tool_call_output", "call_id": "call_1", "output": "3 rows"}]


@pytest.mark.parametrize(
    ("item", "name", "args", "output"),
    [
        (
            {"type": "apply_patch_call", "operation": {"type": "delete_file", "path": "a.txt"}, "status": "completed"},
            "apply_patch",
            {"type": "delete_file", "path": "a.txt"},
            {"type": "apply_patch_call_output", "call_id": "call_1", "status": "completed", "output": "done"},
        ),
        (
            {"type": "shell_call", "action": {"commands": ["ls"], "timeout_ms": None}, "status": "completed"},
            "shell",
            {"commands": ["ls"], "timeout_ms": None},
            {
                "type": "shell_call_output",
                "call_id": "call_1",
                "output": [{"stdout": "done", "stderr": "", "outcome": {"type": "exit", "exit_code": 0}}],
            },
        ),
        (
            {"type": "local_shell_call", "action": {"type": "exec", "command": ["ls"], "env": {}}},
            "local_shell",
            {"type": "exec", "command": ["ls"], "env": {}},
            {"type": "local_shell_call_output", "id": "call_1", "output": "done"},
        ),
    ],
    ids=["apply_patch", "shell", "local_shell"],
)
async def test_a_tool_of_the_apis_own_that_runs_here_is_a_call_like_any_other(line, item, name, args, output):
    item = item | {"id": "it_1", "call_id": "call_1"}
    response, items = await sent_after(line, item, by=lambda calls: [answer(calls[0], "done")])
    assert [(c.name, json.loads(c.args_json)) for c in response.calls] == [(name, args)]
    assert items == [item, output]


async def test_a_computer_call_is_answered_with_the_picture(line):
    item = {"type": "computer_call", "id": "cu_1", "call_id": "call_1", "action": {"type": "screenshot"},
            "pending_safety_checks": [], "status": "completed"}  # fmt: skip
    shot = File(media_type="image/png", data=b"\x89PNG")
    response, items = await sent_after(line, item, by=lambda calls: [answer(calls[0], shot)])
    assert response.calls[0].name == "computer"
    picture = {"type": "computer_screenshot", "image_url": "data:image/png;base64,iVBORw=="}
    assert items == [item, {"type": "computer_call_output", "call_id": "call_1", "output": picture}]


async def test_results_of_several_turns_each_keep_the_form_of_their_call(line):
    custom = {"type": "custom_tool_call", "id": "ctc_1", "call_id": "call_7", "name": "sql", "input": "x"}
    shot = {"type": "local_shell_call", "id": "sh_1", "call_id": "call_8", "action": {"type": "exec"}}
    asked = line({"output": [custom]}, {"output": [shot]}, {"output": [call(9)]}, {})
    messages = [user("?")]
    for _ in range(3):
        turn = (await asked.ask(Request(messages=tuple(messages), **WHOLE))).message
        messages += [turn, results(answer(turn.calls[0], "done"))]
    await asked.ask(Request(messages=tuple(messages), **WHOLE))
    assert [item["type"] for item in asked.bodies[-1]["input"] if item.get("output")] == [
        "custom_tool_call_output",
        "local_shell_call_output",
        "function_call_output",
    ]
    assert len(asked.model._encoder._messages) == len(messages)


# Tools that the provider runs: told as calls and results of its own, sent back as they came.

SEARCH = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "x"}}
FILES = {"type": "file_search_call", "id": "fs_1", "status": "completed", "queries": ["x"],
         "results": [{"file_id": "file-1", "filename": "a.txt", "score": 0.9, "text": "Paris."}]}  # fmt: skip
CODE = {"type": "code_interpreter_call", "id": "ci_1", "status": "completed", "code": "1+1", "container_id": "cntr_1",
        "outputs": [{"type": "logs", "logs": "2"}]}  # fmt: skip
MCP = {"type": "mcp_call", "id": "mcp_1", "name": "find", "arguments": '{"q":1}', "server_label": "s",
       "output": "found", "error": None, "status": "completed", "approval_request_id": None}  # fmt: skip
BAD_MCP = MCP | {"output": None, "error": {"type": "http_error", "code": 500}, "status": "failed"}
SHELL = {"type": "shell_call", "id": "sh_1", "call_id": "call_1", "action": {"commands": ["ls"]},
         "environment": {"type": "container_reference", "container_id": "cntr_1"}, "status": "completed"}  # fmt: skip
SHELL_OUT = {"type": "shell_call_output", "id": "sho_1", "call_id": "call_1",
             "output": [{"stdout": "a\n", "stderr": "", "outcome": {"type": "exit", "exit_code": 0}}]}  # fmt: skip
FOUND = {"type": "tool_search_call", "id": "tsc_1", "call_id": None, "execution": "server", "status": "completed",
         "arguments": {"paths": ["look"]}}  # fmt: skip
FOUND_OUT = {"type": "tool_search_output", "id": "tso_1", "call_id": None, "execution": "server",
             "tools": [{"type": "function", "name": "look"}]}  # fmt: skip


@pytest.mark.parametrize(
    ("items", "told"),
    [
        ([SEARCH], [("web_search", {"type": "search", "query": "x"})]),
        ([FILES], [("file_search", {"queries": ["x"]}), ("ok", "Paris.")]),
        ([CODE], [("code_interpreter", {"code": "1+1", "container_id": "cntr_1"}), ("ok", "2")]),
        ([MCP], [("find", {"q": 1}), ("ok", "found")]),
        ([BAD_MCP], [("find", {"q": 1}), ("error", '{"type":"http_error","code":500}')]),
        ([SHELL, SHELL_OUT], [("shell", {"commands": ["ls"]}), ("ok", "a\n")]),
        ([FOUND, FOUND_OUT], [("tool_search", {"paths": ["look"]}), ("ok", "look")]),
    ],
    ids=["web_search", "file_search", "code_interpreter", "mcp", "failed mcp", "container shell", "tool_search"],
)
async def test_trap_23_what_the_provider_ran_is_told_and_comes_back_exactly(line, items, told):
    response, sent = await sent_after(line, *items)
    assert sent == items
    assert response.calls == ()
    assert response.stop.kind == "end"
    found = [
        (p.name, json.loads(p.args_json)) if isinstance(p, ToolCall) else (p.outcome, p.text)
        for p in response.message.parts
        if isinstance(p, ToolCall | ToolResult) and p.executed_by == "provider"
    ]
    assert found == told
    assert len({p.call_id for p in response.message.parts}) == 1


async def test_a_result_that_came_inside_its_call_is_not_sent_without_it(line):
    response = await line({"output": [CODE]}).ask(ASK)
    only_result = response.message.model_copy(update={"parts": response.message.parts[1:]})
    asked = line()
    after = await asked.ask(Request(messages=(only_result,), **WHOLE))
    assert asked.bodies[0]["input"] == []
    assert [d.name for d in after.dropped] == ["tool_result"]


async def test_searches_that_xai_writes_as_custom_calls_are_not_ours_to_run(line):
    item = {"type": "custom_tool_call", "id": "ctc_1", "call_id": "xs_1", "name": "x_keyword_search",
            "input": '{"query":"xai"}', "status": "completed"}  # fmt: skip
    response, sent = await sent_after(line, item, provider="xai")
    assert (response.calls, response.stop.kind, sent) == ((), "end", [item])
    assert response.message.parts[0].args_json == '{"query":"xai"}'


@pytest.mark.parametrize(
    "item",
    [
        {"type": "mcp_list_tools", "id": "mcpl_1", "server_label": "s", "tools": []},
        {"type": "mcp_approval_request", "id": "mcpr_1", "name": "find", "arguments": "{}", "server_label": "s"},
        {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": []},
        {"type": "hologram_call", "id": "holo_1", "beam": {"deep": [1, None, {"x": 1.5}]}},
        {"type": "image_generation_call", "id": "ig_1", "status": "failed", "result": None},
    ],
    ids=lambda item: item["type"],
)
async def test_trap_23_an_unknown_item_survives_the_round_trip(line, item):
    response, sent = await sent_after(line, item)
    assert sent == [item]
    assert [(p.type, p.kind) for p in response.message.parts] == [("foreign", f"openai.{item['type']}")]


async def test_an_approval_of_an_mcp_call_is_sent_as_data(line):
    yes = {"type": "mcp_approval_response", "approval_request_id": "mcpr_1", "approve": True}
    part = Foreign(kind="openai.mcp_approval_response", value=yes, wire=Wire(origin="openai.responses"))
    assert (await line().body(Request(messages=(user(part),), **WHOLE)))["input"] == [yes]


async def test_a_generated_picture_is_a_file_and_comes_back(line):
    item = {"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": "iVBORw==",
            "output_format": "webp", "revised_prompt": "a boat"}  # fmt: skip
    response, sent = await sent_after(line, item)
    (picture,) = response.message.parts
    assert (picture.media_type, picture.data) == ("image/webp", b"\x89PNG")
    assert sent == [item]


async def test_unknown_content_of_a_message_survives_between_its_words(line):
    content = [{"type": "output_text", "text": "a", "annotations": []}, {"type": "output_smell", "ppm": 3},
               {"type": "output_text", "text": "b", "annotations": []}]  # fmt: skip
    item = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": content}
    response, sent = await sent_after(line, item)
    assert response.text == "ab"
    assert sent == [item]


async def test_citations_are_told_and_come_back_with_the_words(line):
    notes = [
        {"type": "url_citation", "url": "https://a.test", "title": "A", "start_index": 0, "end_index": 2},
        {"type": "file_citation", "file_id": "file-1", "filename": "a.txt", "index": 5},
        {"type": "container_file_citation", "container_id": "cntr_1", "file_id": "cfile_1", "filename": "plot.png",
         "start_index": 1, "end_index": 3},
    ]  # fmt: skip
    content = [{"type": "output_text", "text": "Yes.", "annotations": notes, "logprobs": [{"token": "Yes"}]}]
    item = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": content}
    response, sent = await sent_after(line, item)
    (text,) = response.message.parts
    assert isinstance(text, Text)
    assert [(c.title, c.url, c.start, c.end) for c in text.citations] == [
        ("A", "https://a.test", 0, 2),
        ("a.txt", None, None, None),
        ("plot.png", None, 1, 3),
    ]
    assert sent == [item]
