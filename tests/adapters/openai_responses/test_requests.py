"""What is asked goes out in the API's words; what it has no words for is reported or refused, never forgotten."""

import pytest

from copilot_kit.errors import InvalidRequest
from copilot_kit.events import Failed
from copilot_kit.messages import File, Message, Summary, Text, ToolResult, Wire, assistant, results, system, user
from copilot_kit.profile import Profile
from copilot_kit.request import Example, OutputSpec, ProviderTool, Request, Settings, ToolSpec

WHOLE = {"delivery": "whole"}
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"], "additionalProperties": False}


def ask(**fields: object) -> Request:
    return Request(messages=(user("?"),), **(WHOLE | fields))


async def test_trap_19_the_system_message_is_the_instructions(line):
    body = await line().body(Request(messages=(system("Be brief."), user("?")), **WHOLE))
    assert body["instructions"] == "Be brief."
    assert body["input"] == [{"role": "user", "content": "?"}]


async def test_trap_19_a_system_message_in_mid_conversation_stays_where_it_is(line):
    body = await line().body(Request(messages=(user("a"), system("Now in French."), user("b")), **WHOLE))
    assert body["input"][1] == {"role": "system", "content": "Now in French."}


async def test_trap_19_instructions_that_are_more_than_words_lose_nothing(line):
    parts = (Summary(text="They spoke of Paris.", replaces=("a", "b")), Text(text="Be brief."))
    asked = line()
    await asked.ask(Request(messages=(Message(id="m", role="system", parts=parts), user("?")), **WHOLE))
    assert [part["text"] for part in asked.bodies[0]["input"][0]["content"]] == ["They spoke of Paris.", "Be brief."]


async def test_trap_22_json_output_is_a_flat_format(line):
    output = OutputSpec(json_schema=SCHEMA, name="point", description="A point.")
    asked = line()
    response = await asked.ask(ask(output=output, settings=Settings(extra={"openai": {"text": {"verbosity": "low"}}})))
    assert asked.bodies[0]["text"] == {
        "format": {"type": "json_schema", "name": "point", "description": "A point.", "schema": SCHEMA, "strict": True},
        "verbosity": "low",
    }
    assert response.output_mode == "native"


async def test_json_output_through_a_tool_or_in_words(line):
    tool = await line().body(ask(output=OutputSpec(json_schema=SCHEMA, name="point", mode="tool")))
    words = await line().body(ask(output=OutputSpec(json_schema=SCHEMA, name="point", mode="prompted")))
    assert [(t["name"], t["parameters"], t["strict"]) for t in tool["tools"]] == [("point", SCHEMA, True)]
    assert '"additionalProperties"' in words["instructions"]
    assert "text" not in tool
    assert "text" not in words


async def test_the_profile_chooses_the_mode_of_json_output(line):
    asked = line(profile=Profile(output_modes=("tool", "prompted")))
    response = await asked.ask(ask(output=OutputSpec(json_schema=SCHEMA)))
    assert response.output_mode == "tool"
    assert "text" not in asked.bodies[0]


async def test_the_words_of_the_settings(line):
    settings = Settings(effort="max", max_output_tokens=99, temperature=0.5, top_p=0.9)
    asked = line()
    response = await asked.ask(ask(settings=settings, parallel_tools=False, tool_choice="required"))
    sent = {"reasoning": {"effort": "xhigh"}, "max_output_tokens": 99, "temperature": 0.5, "top_p": 0.9,
            "parallel_tool_calls": False, "tool_choice": "required"}  # fmt: skip
    body = asked.bodies[0]
    assert {name: body[name] for name in sent} == sent
    assert response.settings_used == sent | {"store": False, "include": ["reasoning.encrypted_content"]}
    assert response.dropped == ()


async def test_extra_adds_to_the_reasoning_that_effort_asks_for(line):
    settings = Settings(effort="low", extra={"openai": {"reasoning": {"summary": "auto"}}, "xai": {"search": True}})
    body = await line().body(ask(settings=settings))
    assert body["reasoning"] == {"effort": "low", "summary": "auto"}
    assert "search" not in body


async def test_seed_stop_and_cache_have_no_field_here_and_are_reported(line):
    asked = line()
    response = await asked.ask(ask(settings=Settings(seed=7, stop=("END",), cache="1h")))
    assert not {"seed", "stop", "cache"} & asked.bodies[0].keys()
    assert [(d.kind, d.name) for d in response.dropped] == [
        ("setting", "seed"),
        ("setting", "stop"),
        ("setting", "cache"),
    ]


async def test_what_is_not_taken_is_refused_where_the_caller_wants_that(line):
    asked = line()
    failed = await asked.ask(ask(settings=Settings(seed=7, on_unsupported="error")))
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, InvalidRequest)
    assert (failed.error.param, failed.error.started, failed.partial, asked.sent) == ("seed", False, None, [])


async def test_a_tool_of_another_provider_is_left_out_or_refused(line):
    asked = line()
    search = ProviderTool(kind="anthropic.web_search_20250305", value={"type": "web_search_20250305"})
    request = Request(messages=(user("?"),), tools=(search,), delivery="whole")
    response = await asked.ask(request)
    assert [(lost.kind, lost.name) for lost in response.dropped] == [("tool", search.kind)]
    failed = await asked.ask(request.model_copy(update={"settings": Settings(on_unsupported="error")}))
    assert isinstance(failed.error, InvalidRequest)
    assert (failed.error.param, len(asked.sent)) == (search.kind, 1)


@pytest.mark.parametrize(("description", "told"), [("Adds.", 'Adds.\ns: {"q": 1}'), (None, 's: {"q": 1}')])
async def test_examples_of_a_tool_are_told_in_its_description(line, description, told):
    shown = (Example(situation="s", arguments={"q": 1}),)
    add = ToolSpec(name="add", description=description, parameters={"type": "object"}, examples=shown)
    body = await line().body(Request(messages=(user("?"),), tools=(add,), delivery="whole"))
    assert body["tools"][0]["description"] == told


async def test_an_image_for_a_model_without_eyes_is_a_line_of_text_with_a_receipt(line):
    picture = File(media_type="image/png", data=b"\x89PNG", name="cat.png")
    seen = results(ToolResult(call_id="call_1", content=(picture,)))
    asked = line(profile=Profile(media_in=()))
    response = await asked.ask(Request(messages=(user("What is it?", picture), seen), delivery="whole"))
    told = "[file cat.png (image/png): not sent, the model takes no images]"
    question, output = asked.bodies[0]["input"]
    assert question["content"][1] == {"type": "input_text", "text": told}
    assert output["output"] == told
    assert [(lost.kind, lost.name, lost.became) for lost in response.dropped] == [
        ("part", "file", "a line of text")
    ] * 2
    body = await line(profile=Profile(media_in=("image/png",))).body(
        Request(messages=(user(picture),), delivery="whole")
    )
    assert body["input"][0]["content"][0]["type"] == "input_image"


async def test_a_setting_that_the_model_refuses_is_not_sent(line):
    asked = line(profile=Profile(refuses=("temperature",)))
    response = await asked.ask(ask(settings=Settings(temperature=0.0)))
    assert "temperature" not in asked.bodies[0]
    assert [d.name for d in response.dropped] == ["temperature"]


@pytest.mark.parametrize(
    ("efforts", "asked_for", "sent"),
    [(("low", "medium", "high"), "max", "high"), (("low", "high"), "none", "low"), ((), "low", None)],
)
async def test_an_effort_that_the_model_does_not_know_becomes_the_nearest_one(line, efforts, asked_for, sent):
    asked = line(profile=Profile(efforts=efforts))
    response = await asked.ask(ask(settings=Settings(effort=asked_for)))
    assert asked.bodies[0].get("reasoning", {}).get("effort") == sent
    assert [(d.name, d.became) for d in response.dropped] == [("effort", sent)]


async def test_the_highest_effort_has_its_own_word_in_each_family(line):
    settings = Settings(effort="max")
    older = await line(model="gpt-5.4").body(ask(settings=settings))
    newer = await line(model="gpt-5.6-sol").body(ask(settings=settings))
    assert (older["reasoning"], newer["reasoning"]) == ({"effort": "xhigh"}, {"effort": "max"})


async def test_the_table_knows_which_models_do_not_reason(line):
    assert "include" not in await line(model="gpt-4.1").body(ask())
    assert "include" in await line(model="gpt-5.6-sol").body(ask())


async def test_a_server_that_ignores_the_format_is_asked_for_json_in_words(line):
    response = await line(provider="llamacpp").ask(ask(output=OutputSpec(json_schema=SCHEMA)))
    assert response.output_mode == "prompted"


async def test_files_go_in_the_form_of_their_kind(line):
    files = (
        File(media_type="image/jpeg", url="https://a.test/x.jpg"),
        File(media_type="image/png", data=b"\x89PNG"),
        File(media_type="text/csv", data=b"a,b", name="t.csv"),
        File(media_type="application/pdf", data=b"%PDF"),
        File(media_type="application/pdf", url="https://a.test/x.pdf"),
        File(media_type="audio/wav", data=b"RIFF"),
        File(media_type="application/pdf", wire=Wire(origin="openai.responses", id="file-1")),
    )
    body = await line().body(Request(messages=(user("Look:", *files),), **WHOLE))
    assert body["input"][0]["content"] == [
        {"type": "input_text", "text": "Look:"},
        {"type": "input_image", "image_url": "https://a.test/x.jpg"},
        {"type": "input_image", "image_url": "data:image/png;base64,iVBORw=="},
        {"type": "input_file", "filename": "t.csv", "file_data": "data:text/csv;base64,YSxi"},
        {"type": "input_file", "filename": "file.pdf", "file_data": "data:application/pdf;base64,JVBERg=="},
        {"type": "input_file", "file_url": "https://a.test/x.pdf"},
        {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
        {"type": "input_file", "file_id": "file-1"},
    ]


async def test_a_file_held_by_another_provider_becomes_a_line_and_is_reported(line):
    held = File(media_type="application/pdf", name="a.pdf", wire=Wire(origin="anthropic.messages", id="file_9"))
    asked = line()
    response = await asked.ask(Request(messages=(user("Read.", held),), **WHOLE))
    assert "a.pdf" in asked.bodies[0]["input"][0]["content"][1]["text"]
    assert [(d.name, d.became) for d in response.dropped] == [("file", "a line of text")]


async def test_a_picture_in_a_turn_of_the_assistant_is_reported_not_lost_in_silence(line):
    asked = line()
    picture = File(media_type="image/png", data=b"\x89PNG", wire=Wire(origin="google.generate", id="x"))
    response = await asked.ask(Request(messages=(assistant("Here.", picture), user("!")), **WHOLE))
    assert asked.bodies[0]["input"][0] == {"type": "message", "role": "assistant", "content": "Here."}
    assert [d.name for d in response.dropped] == ["file"]


async def test_words_that_another_provider_cut_into_pieces_are_one_message(line):
    turn = assistant(Text(text="The sky "), Text(text="is blue."))
    assert (await line().body(Request(messages=(turn,), **WHOLE)))["input"] == [
        {"type": "message", "role": "assistant", "content": "The sky is blue."}
    ]


async def test_a_summary_is_sent_as_its_words(line):
    parts = (Summary(text="They spoke of Paris.", replaces=("msg_1", "msg_9")), Text(text="Go on."))
    body = await line().body(Request(messages=(Message(id="m", role="user", parts=parts),), **WHOLE))
    assert [part["text"] for part in body["input"][0]["content"]] == ["They spoke of Paris.", "Go on."]


async def test_streams_are_asked_for_and_whole_answers_are_not(line):
    assert (await line().body(ask(delivery="stream")))["stream"] is True
    assert "stream" not in await line().body(ask(delivery="whole"))


async def test_nothing_that_was_not_asked_for_is_sent(line):
    body = await line(profile=Profile(efforts=())).body(ask())
    assert body == {"model": "gpt-test", "input": [{"role": "user", "content": "?"}], "store": False}


async def test_a_message_is_encoded_once_and_sent_again_as_it_was(line):
    asked = line()
    first, second = user("a"), user("b")
    await asked.ask(Request(messages=(first,), **WHOLE))
    encoder = asked.model._encoder
    before = encoder._messages.lookup(first, None, lambda _: pytest.fail("it was forgotten"))
    await asked.ask(Request(messages=(first, second), **WHOLE))
    assert before.items in asked.sent[1].content
    assert len(encoder._messages) == 2


async def test_the_key_is_in_no_event_and_in_no_error(line):
    asked = line()
    events = await asked.events(ask())
    assert asked.sent[0].headers["authorization"] == "Bearer key"
    assert "Bearer" not in repr(events)
