"""Notes: each item can be done from the notes alone, and is not done without them or with the wrong ones."""

from collections.abc import Callable
from typing import Any

import pytest

from copilot_kit.messages import Text, ToolResult
from copilot_kit.request import Request
from copilot_kit.testing import FunctionModel, ScriptedModel, call
from copilot_kit_evals.items import Item
from copilot_kit_evals.shipped.notes import Pages, tasks
from tests.evals.shipped.trying import scores, solved

TASK = tasks()[0]
ITEMS = {item.id: item for item in TASK.dataset}
UNKNOWN = "I do not know."


def plan(item: Item, which: str) -> dict[str, Any]:
    found: Any = item.meta[which]
    return dict(found)


def sessions(item: Item) -> list[list[str]]:
    asked: Any = item.input
    return list(asked["sessions"])


def results(request: Request) -> str:
    return "\n".join(
        part.text for message in request.messages for part in message.parts if isinstance(part, ToolResult)
    )


def from_notes(gold: dict[str, Any]) -> Callable[[Request], str]:
    """An answer that is only given by a model that has just read what it needs."""
    return lambda request: gold["says"] if gold["needs"] in results(request) else UNKNOWN


def diligent(item: Item) -> ScriptedModel:
    """A model that writes what the item's gold says, and answers from what it reads in the last conversation."""
    gold, script = plan(item, "gold"), list[Any]()
    for number, says in enumerate(sessions(item)):
        if any("read_page" in words or "Read page" in words for words in says):
            script.append(call("read_page", {"number": 1}))
        script += [call("memory", args) for args in gold["writes"].get(str(number), [])]
        script += ["Noted."] * (len(says) - (number == len(sessions(item)) - 1))
    script += [[call("memory", {"command": "view", "path": path}) for path in gold["view"]], from_notes(gold)]
    return ScriptedModel(*script)


def sloppy(item: Item) -> ScriptedModel:
    """A model that writes what it should not, or nothing, and answers what it then must."""
    wrong, script = plan(item, "wrong"), list[Any]()
    for number, says in enumerate(sessions(item)):
        script += [call("memory", args) for args in wrong["writes"].get(str(number), [])]
        script += ["Fine."] * (len(says) - (number == len(sessions(item)) - 1))
    return ScriptedModel(*script, wrong["says"])


def reader(item: Item) -> FunctionModel:
    """A model that notes each page as it gets it, and knows in the end what its notes say and nothing else."""
    gold, pages = plan(item, "gold"), Pages.of(item)
    facts: Any = item.meta["pages"]
    needs = [gold["needs"]] if isinstance(gold["needs"], str) else gold["needs"]

    def written(request: Request) -> int:
        said = [part.text for message in request.messages for part in message.parts if isinstance(part, Text)]
        calls = [one.args_json for message in request.messages for one in message.calls if one.name == "memory"]
        return max(
            (n for n in range(len(facts) + 1) if any(f"page{n}.md" in one for one in (*said, *calls))), default=0
        )

    def answer(request: Request) -> Any:
        done = written(request)
        asked_last = any(sessions(item)[0][-1] in part.text for message in request.messages if message.role == "user"
                         for part in message.parts if isinstance(part, Text))  # fmt: skip
        if "This window is nearly full" in request.messages[-1].text:
            return "noted."
        if asked_last:
            if all(one in results(request) for one in needs):
                return gold["says"]
            views = [
                call("memory", {"command": "view", "path": f"/memories/page{n + 1}.md"}) for n in range(len(facts))
            ]
            return UNKNOWN if request.messages[-1].role == "tool" else views
        for number, text in enumerate(pages.texts, 1):
            if number > done and text in results(request):
                args = {"command": "create", "path": f"/memories/page{number}.md", "file_text": facts[number - 1]}
                return call("memory", args)
        return call("read_page", {"number": done + 1}) if done < len(facts) else "I have read all."

    return FunctionModel(answer)


def good(item: Item) -> ScriptedModel | FunctionModel:
    return reader(item) if "window" in item.tags else diligent(item)


@pytest.mark.parametrize("item", ITEMS.values(), ids=lambda one: one.id)
async def test_an_item_is_done_from_its_notes_and_not_without_them(item: Item):
    right = await scores(TASK, item, good(item))
    assert (right["kept"].value, right["clean"].value) == (1, 1), right
    wrong = await scores(TASK, item, sloppy(item))
    assert wrong["kept"].value == 0, wrong


@pytest.mark.parametrize("item", [one for one in ITEMS.values() if "secret" in one.tags], ids=lambda one: one.id)
async def test_a_secret_that_was_written_down_is_found_though_the_answer_is_right(item: Item):
    wrong = (await scores(TASK, item, sloppy(item)))["kept"]
    assert (wrong.parts["answered"], wrong.parts["clean"], wrong.value) == (1, 0, 0)


async def test_a_secret_counts_even_if_it_was_taken_out_again():
    item = ITEMS["garage-code"]
    path = "/memories/a.md"
    model = ScriptedModel(
        call("memory", {"command": "create", "path": path, "file_text": "code 4471"}),
        call("memory", {"command": "delete", "path": path}),
        "Noted.",
        "In Mill Lane.",
    )
    assert (await scores(TASK, item, model))["kept"].parts == {"answered": 1, "clean": 0, "noted": 1, "kept": 0}


@pytest.mark.parametrize("item", [one for one in ITEMS.values() if "window" in one.tags], ids=lambda one: one.id)
async def test_pages_are_longer_together_than_the_window_and_are_handed_out_once(item: Item):
    model = reader(item)
    ended = await solved(TASK, item, model)
    whole = sum(len(text) for text in Pages.of(item).texts)
    shown = max(sum(len(part.text) for message in request.messages for part in message.parts
                    if isinstance(part, ToolResult)) for request in model.requests)  # fmt: skip
    assert shown < whole
    read = [one.args_json for one in ended.output.calls if one.name == "read_page"]
    assert len(read) == len(set(read)) == len(Pages.of(item).texts)
    again = next(one for one in Pages.of(item).tools())
    assert again.name == "read_page"


async def test_what_was_said_in_one_conversation_is_not_in_the_next_and_a_swap_is_another_name():
    item = ITEMS["decision"]
    seen: list[str] = []

    def listens(request: Request) -> str:
        seen.append("".join(message.text for message in request.messages))
        return "Yes."

    ended = await solved(TASK, item, FunctionModel(listens))
    assert len(seen) == 3
    assert ["blue tent because" in one for one in seen] == [True, False, False]
    assert ended.output.state["notes"] == {}


def test_there_are_enough_of_each_kind_and_a_smoke_slice_of_all():
    kinds = [item.tags[0] for item in ITEMS.values()]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "early": 10, "correction": 10, "preference": 8, "secret": 6, "untrusted": 7, "window": 8}  # fmt: skip
    assert {item.tags[0] for item in ITEMS.values() if "smoke" in item.tags} == set(kinds)


@pytest.mark.parametrize(("name", "strangers"), [("decision", 1), ("spare-key", 0)])
async def test_after_a_swap_the_notes_are_those_of_another_model(name: str, strangers: int):
    heard: list[str] = []

    def answer(request: Request) -> Any:
        words = "".join(message.text for message in request.messages)
        heard.append(words)
        note = {"command": "create", "path": "/memories/a.md", "file_text": "something"}
        return "Yes." if len(heard) > 1 else call("memory", note)

    await solved(TASK, ITEMS[name], FunctionModel(answer))
    assert sum("written by another model" in one for one in heard) == strangers
