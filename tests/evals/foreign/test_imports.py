"""Items from what others wrote; the examples are written after the documentation of each format."""

import json
from pathlib import Path

import pytest

from copilot_kit_evals.foreign.imports import kind_of, read, written
from copilot_kit_evals.items import BadDataset, Dataset, Turn

PROMPTFOO = """
description: Translations
prompts:
  - 'Translate into {{language}}: {{ text }}'
providers:
  - openai:gpt-5-mini
defaultTest:
  metadata:
    team: docs
  assert:
    - type: cost
      threshold: 0.01
tests:
  - description: greeting
    vars:
      language: French
      text: Hello
    assert:
      - type: icontains
        value: bonjour
      - type: llm-rubric
        value: is polite
  - vars:
      language: [German, Spanish]
      text: Yes
    assert:
      - type: equals
        value: Ja
  - file://more.csv
  - file://generate.py
"""
MORE = 'question,__expected,__description,__metadata:kind\n"2+2?",equals:4,sum,maths\nCapital of France?,Paris,,\n'
LANGSMITH = [
    {"id": "5f1c", "created_at": "2026-01-01T00:00:00Z", "dataset_id": "d", "inputs": {"question": "Largest mammal?"},
     "outputs": {"answer": "Blue whale"}, "metadata": {"dataset_split": ["test"], "by": "me"}, "source_run_id": None},
    {"id": "5f1d", "inputs": {"messages": [{"role": "system", "content": "Be brief."}, {"type": "human",
     "data": {"content": "Hi"}}]}, "outputs": {"a": 1, "b": 2}, "split": "train"},
    {"id": "5f1e", "inputs": {"a": 1, "b": "x"}, "outputs": None},
]  # fmt: skip
TICKETS = ("Ticket,Reply,Customer,Category\nWhere is my order?,It left today.,c1,shipping;late\n"
           "Still nothing,,c1,shipping\nRefund please,Done.,c2,money\n")  # fmt: skip


def file(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_promptfoo_tests_become_items_with_the_prompt_filled_in(tmp_path: Path):
    file(tmp_path, "more.csv", MORE)
    found = read(file(tmp_path, "promptfooconfig.yaml", PROMPTFOO))
    assert [(item.input, item.target) for item in found.items] == [
        ("Translate into French: Hello", "bonjour"),
        ("Translate into German: Yes", "Ja"),
        ("Translate into Spanish: Yes", "Ja"),
        ("2+2?", "4"),
        ("Capital of France?", "Paris"),
    ]
    first = found.items[0]
    assert (first.meta["description"], first.meta["team"]) == ("greeting", "docs")
    assert [one["type"] for one in first.meta["assert"]] == ["cost", "icontains", "llm-rubric"]  # type: ignore[union-attr, index, call-overload]
    assert found.items[3].meta["kind"] == "maths"
    assert sum("'llm-rubric'" in note for note in found.notes) == 1
    assert any(note.startswith("file://generate.py") for note in found.notes)


def test_promptfoo_with_several_prompts_keeps_the_variables(tmp_path: Path):
    text = json.dumps(
        {"prompts": ["A {{q}}", "B {{q}}"], "tests": [{"vars": {"q": "x"}}, {"vars": {"q": "x", "r": 1}}]}
    )
    found = read(file(tmp_path, "config.json", text))
    assert [item.input for item in found.items] == ["x", {"q": "x", "r": 1}]
    assert "--vary prompt" in found.notes[0]


def test_langsmith_examples_become_items_as_lines_as_a_list_and_as_an_object(tmp_path: Path):
    lines = file(tmp_path, "a.jsonl", "\n".join(map(json.dumps, LANGSMITH)))
    listed = file(tmp_path, "b.json", json.dumps(LANGSMITH))
    whole = file(tmp_path, "c.json", json.dumps({"examples": LANGSMITH}))
    first = read(lines).items
    assert first == read(listed).items == read(whole).items
    assert (first[0].id, first[0].input, first[0].target) == ("5f1c", "Largest mammal?", "Blue whale")
    assert (first[0].tags, first[0].meta["by"]) == (("test",), "me")
    assert first[1].input == (Turn(role="system", text="Be brief."), Turn(role="user", text="Hi"))
    assert (first[1].target, first[1].tags) == ({"a": 1, "b": 2}, ("train",))
    assert (first[2].input, first[2].target) == ({"a": 1, "b": "x"}, None)


CHATS = [
    {"inputs": {"input": [[{"type": "human", "data": {"content": "Hi"}}]]},
     "outputs": {"output": {"type": "ai", "data": {"content": "Hello"}}}},
    {"inputs": {"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi "}, {"type": "text",
     "text": "you"}]}], "tools": [{"name": "f"}]}, "outputs": {"message": {"role": "assistant", "content": "Yes"}}},
    {"inputs": {"messages": [{"lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages",
     "HumanMessage"], "kwargs": {"content": "Hey"}}]}, "outputs": {"messages": [{"role": "assistant",
     "content": "Ho"}]}},
    {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"},
                  {"role": "assistant", "content": "Yo"}]},
    {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": None, "tool_calls": [{}]}]},
    {"inputs": {"documents": ["a", "b"]}, "outputs": {"answer": 4}},
]  # fmt: skip


def test_langsmith_conversations_are_read_in_all_shapes_of_messages(tmp_path: Path):
    found = read(file(tmp_path, "a.jsonl", "\n".join(map(json.dumps, CHATS))))
    asked = [item.input if isinstance(item.input, dict) else "|".join(turn.text for turn in item.input)  # type: ignore[union-attr]
             for item in found.items]  # fmt: skip
    assert asked == ["Hi", "Hi you", "Hey", "Be brief.|Hi", {"documents": ["a", "b"]}]
    assert [item.target for item in found.items] == ["Hello", "Yes", "Ho", "Yo", 4]
    assert found.items[1].meta == {"inputs": {"tools": [{"name": "f"}]}}
    assert found.notes == ["Conversations with calls of tools, or that do not end in an answer, were left out."]


@pytest.mark.parametrize(
    "text",
    [
        'id,inputs,outputs,metadata\ne1,"{""question"": ""Why?""}","{""answer"": ""So.""}","{""by"": ""me""}"\n',
        "id,input_question,output_answer,metadata.by\ne1,Why?,So.,me\n",
        "id,inputs.question,reference_outputs.answer,metadata_by\ne1,Why?,So.,me\n",
    ],
)
def test_langsmith_csv_is_read_with_json_in_its_cells_or_a_column_for_each_key(tmp_path: Path, text: str):
    [item] = read(file(tmp_path, "a.csv", text), kind="langsmith").items
    assert (item.id, item.input, item.target, item.meta) == ("e1", "Why?", "So.", {"by": "me"})


SCENARIOS = """
prompts:
  - {raw: 'Say {{ text }} in {{language}}.', label: one}
defaultTest: file://default.yaml
scenarios:
  - config:
      - vars: {language: French, expected: Bonjour}
      - vars: {language: German, expected: Hallo}
    tests:
      - vars: {text: file://hello.txt}
        assert:
          - type: assert-set
            assert: [{type: similar, value: '{{expected}}'}]
      - vars: {text: file://../secret.txt}
"""


def test_promptfoo_scenarios_files_and_sets_of_assertions_are_read(tmp_path: Path):
    folder = tmp_path / "config"
    folder.mkdir()
    file(tmp_path, "secret.txt", "secret")
    file(folder, "hello.txt", "Hello")
    file(folder, "default.yaml", "metadata: {team: docs, since: 2026-01-02}\noptions: {transform: output.trim()}\n")
    found = read(file(folder, "promptfooconfig.yaml", SCENARIOS))
    assert [(item.input, item.target) for item in found.items] == [
        ("Say Hello in French.", "Bonjour"),
        ("Say file://../secret.txt in French.", None),
        ("Say Hello in German.", "Hallo"),
        ("Say file://../secret.txt in German.", None),
    ]
    assert found.items[0].meta["since"] == "2026-01-02"
    assert found.notes == [
        "Transforms are programs and are not run: an answer is scored as it is.",
        "Variables in files are read from .txt and .md beside the configuration, and no others.",
    ]


def test_promptfoo_files_outside_of_the_folder_or_in_a_circle_are_not_read(tmp_path: Path):
    folder = tmp_path / "config"
    folder.mkdir()
    file(tmp_path, "more.csv", MORE)
    file(folder, "b.yaml", "tests: [file://a.yaml]")
    found = read(file(folder, "a.yaml", "tests: [file://../more.csv, file://b.yaml, {vars: {q: x}}]"))
    assert [item.input for item in found.items] == ["x"]
    assert [note.split(":")[1] for note in found.notes] == ["//../more.csv", "//a.yaml"]


def test_answered_tickets_become_items_and_unanswered_ones_are_counted(tmp_path: Path):
    found = read(file(tmp_path, "tickets.csv", TICKETS))
    assert [(item.input, item.target, item.cluster, item.tags) for item in found.items] == [
        ("Where is my order?", "It left today.", "c1", ("shipping", "late")),
        ("Refund please", "Done.", "c2", ("money",)),
    ]
    assert found.notes == ["1 requests without an answer were left out."]


def test_tickets_of_other_columns_are_read_when_they_are_named(tmp_path: Path):
    path = file(tmp_path, "t.csv", "frage,antwort\nWo?,Hier.\n")
    with pytest.raises(BadDataset, match=r"no column that is known as the input; its columns are 'frage', 'antwort'"):
        read(path)
    found = read(path, columns={"input": "frage", "target": "antwort"})
    assert [(item.input, item.target) for item in found.items] == [("Wo?", "Hier.")]
    with pytest.raises(BadDataset, match="has no column 'x'"):
        read(path, columns={"input": "x", "target": "antwort"})


def test_importing_a_longer_file_again_keeps_the_ids(tmp_path: Path):
    before = read(file(tmp_path, "a.csv", TICKETS)).items
    after = read(file(tmp_path, "b.csv", TICKETS + "New one?,Yes.,c3,other\n")).items
    assert [item.id for item in after[:2]] == [item.id for item in before]


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("a.yaml", "tests: []", "promptfoo"),
        ("a.csv", MORE, "promptfoo"),
        ("a.csv", TICKETS, "tickets"),
        ("a.csv", "id,input\n1,x\n", "csv"),
        ("a.jsonl", json.dumps(LANGSMITH[0]), "langsmith"),
        ("a.jsonl", '{"id": "a", "input": "x"}', "jsonl"),
        ("a.jsonl", '{"question": "a", "answer": "x"}', "tickets"),
        ("a.json", '{"tests": []}', "promptfoo"),
    ],
)
def test_the_format_is_told_by_what_is_in_the_file(tmp_path: Path, name: str, text: str, kind: str):
    assert kind_of(file(tmp_path, name, text)) == kind


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.yaml", "tests: [", "a.yaml is no YAML"),
        ("a.yaml", "tests:\n- 5\n", "a.yaml, test 1: '5' is no test"),
        ("a.json", "{", "a.json: this is no JSON"),
        ("a.jsonl", '{"inputs": {"q": 1}}\n{"inputs": 5}\n', "a.jsonl, line 2: there are no 'inputs'"),
        ("a.csv", "question,answer\na\n", "a.csv, line 2: 1 cells where the header has 2"),
    ],
)
def test_what_cannot_be_read_is_named_by_its_place(tmp_path: Path, name: str, text: str, words: str):
    with pytest.raises(BadDataset) as raised:
        read(file(tmp_path, name, text))
    assert words in str(raised.value)


def test_what_was_imported_is_a_dataset(tmp_path: Path):
    found = read(file(tmp_path, "tickets.csv", TICKETS))
    assert written(found, tmp_path / "out.jsonl") == 2
    assert list(Dataset.read(tmp_path / "out.jsonl")) == found.items
