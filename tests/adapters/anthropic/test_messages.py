"""System prompts, files, empty and refused answers, structured output, citations: both ways."""

import pytest

from copilot_kit.events import PartDelta, PartEnd, PartStart
from copilot_kit.messages import File, Message, Summary, Text, ToolCall, Wire, assistant, system, user
from copilot_kit.request import OutputSpec, Request, Settings, ToolSpec

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
CLOSED = {**SCHEMA, "additionalProperties": False}


async def test_trap_19_leading_system_messages_are_the_system_prompt(line):
    talk = line()
    await talk.ask(Request(messages=(system("Be brief."), system("Be kind.", cache="1h"), user("?"))))
    assert talk.bodies[0]["system"] == [
        {"type": "text", "text": "Be brief."},
        {"type": "text", "text": "Be kind.", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
    ]
    assert [message["role"] for message in talk.bodies[0]["messages"]] == ["user"]


@pytest.mark.parametrize("model", ["claude-opus-4-8", "a-model-that-nobody-knows"])
async def test_trap_19_a_later_system_message_stays_one_where_the_model_takes_it(line, model):
    talk = line(model=model)
    response = await talk.ask(Request(messages=(user("a"), assistant("b"), user("c"), system("From now on: French."))))
    assert talk.bodies[0]["messages"][-1] == {
        "role": "system",
        "content": [{"type": "text", "text": "From now on: French."}],
    }
    assert response.dropped == ()


async def test_trap_19_elsewhere_it_becomes_words_of_the_user_with_a_receipt(line):
    talk = line(model="claude-sonnet-4-5")
    late = system("From now on: French.")
    response = await talk.ask(Request(messages=(user("a"), assistant("b"), user("c"), late)))
    assert [block["text"] for block in talk.bodies[0]["messages"][-1]["content"]] == [
        "c",
        "<system>",
        "From now on: French.",
        "</system>",
    ]
    assert [(receipt.name, receipt.message_id) for receipt in response.dropped] == [("system message", late.id)]


async def test_trap_20_an_empty_answer_is_legal_and_never_sent_back(played):
    line = played("anthropic-messages-empty-content")
    response = await line.ask(Request(messages=(user("?"),), delivery="whole"))
    assert (response.message.parts, response.stop.kind, response.state) == ((), "end", "complete")
    await line.ask(Request(messages=(user("?"), response.message, user("!")), delivery="whole"))
    assert line.bodies[1]["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "?"}, {"type": "text", "text": "!"}]}
    ]


async def test_trap_20_texts_of_white_space_alone_are_not_sent(line):
    talk = line()
    turn = assistant(Text(text="\n\n"), ToolCall(call_id="call_1", name="a", args_json="{}"))
    await talk.ask(Request(messages=(user("?", "", " "), turn)))
    assert talk.bodies[0]["messages"][0]["content"] == [{"type": "text", "text": "?"}]
    assert [block["type"] for block in talk.bodies[0]["messages"][1]["content"]] == ["tool_use"]


async def test_trap_21_a_refusal_after_partial_text_is_a_stop_with_details(played):
    response = await played("anthropic-messages-stream-refusal-after-partial-text").ask(Request(messages=(user("?"),)))
    assert (response.stop.kind, response.stop.raw, response.text) == ("refusal", "refusal", "Hi")
    assert response.stop.detail["fallback_credit_token"] == "tok_synthetic_fixture_a"
    assert response.state == "complete"


async def test_trap_22_json_is_asked_for_by_output_config_with_a_closed_schema(line):
    talk = line({"content": [{"type": "text", "text": '{"n":1}'}]})
    request = Request(messages=(user("?"),), output=OutputSpec(json_schema=SCHEMA), delivery="whole")
    response = await talk.ask(request)
    assert talk.bodies[0]["output_config"] == {"format": {"type": "json_schema", "schema": CLOSED}}
    assert (response.output_mode, response.text) == ("native", '{"n":1}')


async def test_rule_4_an_older_model_answers_through_a_forced_tool_whose_call_is_the_text(line):
    call = {"type": "tool_use", "id": "toolu_1", "name": "answer", "input": {"n": 1}}
    talk = line({"content": [call], "stop_reason": "tool_use"}, model="claude-3-7-sonnet-20250219")
    response = await talk.ask(Request(messages=(user("?"),), output=OutputSpec(json_schema=SCHEMA), delivery="whole"))
    assert talk.bodies[0]["tool_choice"] == {"type": "tool", "name": "answer"}
    assert [tool["input_schema"] for tool in talk.bodies[0]["tools"]] == [SCHEMA]
    assert (response.output_mode, response.text, response.calls) == ("tool", '{"n":1}', ())
    assert (response.stop.kind, response.stop.raw) == ("end", "tool_use")


async def test_rule_4_the_answering_call_of_a_stream_is_told_as_text(line, streamed):
    call = {"type": "tool_use", "id": "toolu_1", "name": "answer", "input": {}}
    deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in ("", '{"n"', ":1}")]
    talk = line(streamed((call, deltas), stop="tool_use"), model="claude-3-haiku-20240307")
    events = await talk.events(Request(messages=(user("?"),), output=OutputSpec(json_schema=SCHEMA)))
    assert events[1:5] == [
        PartStart(0, Text(text="")),
        PartDelta(0, '{"n"'),
        PartDelta(0, ":1}"),
        PartEnd(0, Text(text='{"n":1}')),
    ]


async def test_rule_4_a_model_that_thinks_is_not_forced_to_the_answering_tool(line):
    talk = line(model="claude-3-7-sonnet-20250219")
    settings = Settings(effort="low", max_output_tokens=8_000)
    await talk.ask(Request(messages=(user("?"),), output=OutputSpec(json_schema=SCHEMA), settings=settings))
    assert talk.bodies[0]["thinking"] == {"type": "enabled", "budget_tokens": 2048}
    assert talk.bodies[0]["tool_choice"] == {"type": "auto"}


async def test_rule_4_beside_other_tools_the_answering_tool_is_one_of_them(line):
    talk = line(model="claude-3-haiku-20240307")
    tools = (ToolSpec(name="look", parameters={"type": "object"}),)
    await talk.ask(Request(messages=(user("?"),), tools=tools, output=OutputSpec(json_schema=SCHEMA, name="done")))
    assert [tool["name"] for tool in talk.bodies[0]["tools"]] == ["look", "done"]
    assert talk.bodies[0]["tool_choice"] == {"type": "any"}


@pytest.mark.parametrize("written", ['{"n":1}', '```json\n{"n":1}\n```'])
async def test_rule_4_asked_in_words_the_answer_comes_without_its_code_fence(line, streamed, written):
    deltas = [{"type": "text_delta", "text": piece} for piece in (written[:5], written[5:])]
    talk = line(streamed(({"type": "text", "text": ""}, deltas)))
    output = OutputSpec(json_schema=SCHEMA, mode="prompted", description="How many.")
    response = await talk.ask(Request(messages=(system("Be brief."), user("?")), output=output))
    assert (response.output_mode, response.text) == ("prompted", '{"n":1}')
    assert talk.bodies[0]["system"][0] == {"type": "text", "text": "Be brief."}
    assert '{"type":"object","properties":{"n":{"type":"integer"}}' in talk.bodies[0]["system"][1]["text"]
    assert "(How many.)" in talk.bodies[0]["system"][1]["text"]


async def test_trap_24_a_paused_turn_goes_back_as_it_is(played, recorded):
    name = "anthropic-messages-pause-turn"
    line = played(name)
    response = await line.ask(Request(messages=(user("?"),)))
    assert (response.stop.kind, response.stop.raw) == ("paused", "pause_turn")
    await line.ask(Request(messages=(user("?"), response.message)))
    sent = line.bodies[1]["messages"]
    assert [message["role"] for message in sent] == ["user", "assistant"]
    again = [block["type"] for block in recorded(name)[1]["request"]["json"]["messages"][1]["content"]]
    assert [block["type"] for block in sent[1]["content"]] == again


async def test_trap_25_asked_and_served_names_are_both_kept(line):
    response = await line({"model": "claude-sonnet-4-5-20250929"}).ask(Request(messages=(user("?"),)))
    assert (response.model.asked, response.model.served) == ("claude-sonnet-4-5", "claude-sonnet-4-5-20250929")


async def test_trap_26_citations_cut_an_answer_into_texts_that_are_joined_without_separators(played):
    response = await played("anthropic-messages-document-citations").ask(
        Request(messages=(user("?"),), delivery="whole")
    )
    assert len(response.message.parts) == 6
    assert response.text.startswith(
        'The document is a simple PDF file titled "Sample PDF", and it contains "Fun fun fun". '
    )
    (citation,) = response.message.parts[0].citations
    assert (citation.title, citation.quote) == ("sample.pdf", "Sample PDF\r\nThis is a simple PDF file. ")


@pytest.mark.parametrize("name", ["anthropic-messages-stream-citations", "anthropic-messages-stream-web-search"])
async def test_trap_26_streamed_citations_go_back_exactly(played, recorded, name):
    line = played(name)
    response = await line.ask(Request(messages=(user("?"),)))
    raw = [c.wire.opaque for part in response.message.parts if isinstance(part, Text) for c in part.citations]
    assert len(raw) == "".join(recorded(name)[0]["response"]["chunks"]).count('"citations_delta"') > 0
    line = played(name)
    await line.ask(Request(messages=(user("?"), response.message, user("!"))))
    sent = [c for block in line.bodies[0]["messages"][1]["content"] for c in block.get("citations", ())]
    assert sent == raw


async def test_citations_of_another_provider_are_left_out_and_reported(line):
    cited = Text(text="So it is.", citations=({"title": "t"},), wire=Wire(origin="openai.responses"))
    talk = line()
    response = await talk.ask(Request(messages=(user("?"), assistant(cited), user("!"))))
    assert talk.bodies[0]["messages"][1]["content"] == [{"type": "text", "text": "So it is."}]
    assert [receipt.name for receipt in response.dropped] == ["citations"]


async def test_files_go_as_image_document_text_url_or_reference(line):
    files = (
        File(media_type="image/jpeg", url="https://x.test/a.jpg"),
        File(media_type="text/csv", data="ä,b".encode(), name="a.csv"),
        File(media_type="application/pdf", wire=Wire(origin="anthropic.messages", id="file_1")),
        File(media_type="image/png", wire=Wire(origin="anthropic.messages", id="file_2")),
    )
    talk = line()
    await talk.ask(Request(messages=(user(*files),)))
    assert talk.bodies[0]["messages"][0]["content"] == [
        {"type": "image", "source": {"type": "url", "url": "https://x.test/a.jpg"}},
        {
            "type": "document",
            "source": {"type": "text", "media_type": "text/plain", "data": "ä,b"},
            "title": "a.csv",
        },
        {"type": "document", "source": {"type": "file", "file_id": "file_1"}},
        {"type": "image", "source": {"type": "file", "file_id": "file_2"}},
    ]


async def test_a_file_that_the_api_does_not_take_becomes_a_line_with_a_receipt(line):
    talk = line()
    sound = File(media_type="audio/wav", data=b"RIFF", name="a.wav")
    response = await talk.ask(Request(messages=(user("?", sound),)))
    assert "a.wav" in talk.bodies[0]["messages"][0]["content"][1]["text"]
    assert [(receipt.kind, receipt.name) for receipt in response.dropped] == [("part", "file")]


async def test_a_summary_goes_as_its_text(line):
    talk = line()
    await talk.ask(Request(messages=(user(Summary(text="They greeted.", replaces=("msg_a", "msg_b"))), user("?"))))
    assert talk.bodies[0]["messages"][0]["content"][0] == {"type": "text", "text": "They greeted."}


async def test_two_requests_over_one_conversation_do_not_disturb_each_other(line):
    talk = line()
    start = user("start")
    a, b = (start, assistant("a"), user("x")), (start, assistant("b"), user("y"))
    for messages in (a, b, a, a[:1], b):
        await talk.ask(Request(messages=messages))
    said = [["".join(c["text"] for c in m["content"]) for m in body["messages"]] for body in talk.bodies]
    assert said == [["start", "a", "x"], ["start", "b", "y"], ["start", "a", "x"], ["start"], ["start", "b", "y"]]


async def test_messages_are_encoded_anew_when_their_place_in_memory_is_used_again(line):
    talk = line()
    for n in range(50):
        await talk.ask(Request(messages=(Message(id="m", role="user", parts=(Text(text=str(n)),)),)))
    assert [body["messages"][0]["content"][0]["text"] for body in talk.bodies] == [str(n) for n in range(50)]
