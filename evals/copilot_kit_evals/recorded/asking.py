"""A recorded request asked of a candidate: one answer, nothing runs, and what people decided says what it is worth."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from copilot_kit.errors import UsageError
from copilot_kit.messages import Message, ToolCall, system
from copilot_kit.model import complete
from copilot_kit.request import AnyTool, Request, Settings, ToolSpec
from copilot_kit_evals.items import BadDataset, Dataset, Item
from copilot_kit_evals.recorded.decisions import MESSAGES, TOOLS, Wish, Wishes
from copilot_kit_evals.recorded.likeness import parsed
from copilot_kit_evals.scorers.editions import edition
from copilot_kit_evals.scores import Output, Score, digest_of
from copilot_kit_evals.tasks import Setup, Solved, Task

_MESSAGES: Final = TypeAdapter(tuple[Message, ...])
_OFFERS: Final = TypeAdapter(dict[str, tuple[AnyTool, ...]])
UNFIT: Final = "unfit_calls"
"""In the state of an attempt: calls of no tool that was offered, or with arguments that it does not take."""
ITEMS, TUNING, OFFERS, SUITE = "items.jsonl", "tuning.jsonl", "tools.json", "suite.py"


@dataclass(frozen=True, slots=True)
class NextStep:
    """Asks for the next step of a recorded conversation, with the agent's tools; what is proposed is never run."""

    offers: Mapping[str, tuple[AnyTool, ...]]
    """Tools by the digest that an item names."""
    settings: Settings = field(default_factory=Settings)

    @property
    def digest(self) -> str:
        """Over the tools and settings."""
        told = {name: [one.model_dump_json() for one in tools] for name, tools in self.offers.items()}
        return digest_of(json.dumps([told, self.settings.model_dump_json()], sort_keys=True))

    async def __call__(self, setup: Setup) -> Solved:
        """Return the answer."""
        messages = recorded_messages(setup.item)
        if setup.candidate.prompt is not None:
            messages = (system(setup.candidate.prompt).model_copy(update={"id": "msg_prompt"}),
                        *(one for one in messages if one.role != "system"))  # fmt: skip
        request = Request(
            messages=messages,
            tools=tuple(one for one in self._tools(setup.item) if setup.allows(getattr(one, "name", ""))),
            settings=setup.settings.over(self.settings) if self.settings.model_fields_set else setup.settings,
        )
        response = await complete(setup.model, request)
        setup.state[UNFIT] = [call.name for call in response.message.calls if not _fits(call, request.tools)]
        output = Output(text=response.text, messages=(*messages, response.message), response=response,
                        state=setup.state)  # fmt: skip
        return Solved(output, "refusal" if response.stop.kind == "refusal" else "ok", keeps_messages=True)

    def _tools(self, item: Item) -> tuple[AnyTool, ...]:
        named = item.input.get(TOOLS) if isinstance(item.input, dict) else None
        if named not in self.offers:
            raise BadDataset(
                f"Item {item.id!r} names the tools {named!r}, which {OFFERS} does not have. "
                "Make the folder again with: copilot-kit eval from-journal"
            )
        return self.offers[str(named)]


def _fits(call: ToolCall, tools: Sequence[AnyTool]) -> bool:
    """Tell whether a call is of a tool that was offered, with what that requires and nothing that it does not know."""
    declared = next((one.parameters for one in tools if isinstance(one, ToolSpec) and one.name == call.name), None)
    given = parsed(call.args_json)
    if declared is None or given is None:
        return False
    known, required = declared.get("properties"), declared.get("required")
    names = known.keys() if isinstance(known, dict) else given.keys()
    return given.keys() <= names and set(required if isinstance(required, list) else ()) <= given.keys()


def recorded_messages(item: Item) -> tuple[Message, ...]:
    """Return the conversation that an item was made of; raises `BadDataset` where it is none."""
    asked = item.input
    try:
        return _MESSAGES.validate_python(asked[MESSAGES] if isinstance(asked, dict) else None)
    except (KeyError, ValidationError) as error:
        raise BadDataset(
            f"Item {item.id!r} holds no recorded conversation. Make such items with: copilot-kit eval from-journal"
        ) from error


@dataclass(frozen=True, slots=True)
class AsDecided:
    """Scores 1 where the candidate proposes what people accepted and nothing that they rejected, else 0.

    No value where it repeats a rejected call in other words: whether those mend it, only a person can say. `parts` has
    each decision apart. Other calls beside the accepted one do not count against it; a first step that nobody decided
    (a look into something) counts as not having proposed it: how often that is so stands in `meta`.
    What it cannot tell: people decided what the model before proposed, so that another good way scores 0.
    """

    name: str = "as_decided"

    @property
    def digest(self) -> str:
        """Of the rules."""
        return edition("as_decided", 2)

    async def __call__(self, item: Item, output: Output) -> Score:
        """Return the score of the last answer's calls."""
        calls = () if output.response is None else output.response.message.calls
        score = judged(wishes_of(item), calls)
        if not output.state.get(UNFIT):
            return score
        return score.model_copy(update={"meta": {**score.meta, "unparsed": True}})


def wishes_of(item: Item) -> tuple[Wish, ...]:
    """Return what people decided about the calls of an item; raises `BadDataset` where it says nothing of that."""
    try:
        return Wishes.model_validate(item.target).calls
    except ValidationError as error:
        raise BadDataset(
            f"Item {item.id!r} holds no decisions. Make such items with: copilot-kit eval from-journal"
        ) from error


def judged(wishes: Sequence[Wish], calls: Sequence[ToolCall]) -> Score:
    """Return what people's decisions say of the calls that were made in their place."""
    found = [_judge(wish, calls) for wish in wishes]
    parts = {f"{number} {wish.way} {wish.tool}": value
             for number, (wish, (value, _)) in enumerate(zip(wishes, found, strict=True), 1)}  # fmt: skip
    values = [value for value, _ in found]
    value = 0.0 if 0.0 in values else None if None in values else 1.0
    reason = "; ".join(text for one, text in found if text and (one != 1.0 or value == 1.0)) or None
    wanted = {wish.tool for wish in wishes}
    elsewhere = bool(calls) and not any(call.name in wanted for call in calls)
    return Score(value=value, reason=reason, parts=parts, answer=_told(calls),
                 meta={"another_step": True} if elsewhere else {})  # fmt: skip


def _judge(wish: Wish, calls: Sequence[ToolCall]) -> tuple[float | None, str]:
    if wish.gold is None:
        likeness = {wish.action(proposed=True).repeated_by(call) for call in calls}
        why = f": {wish.reason}" if wish.reason else ""
        if "same" in likeness:
            return 0.0, f"it repeats {wish.tool}, which was {_PAST[wish.way]}{why}"
        if "other_words" in likeness:
            return None, f"it repeats {wish.tool} in other words, which was {_PAST[wish.way]}{why}"
        return 1.0, ""
    likeness = {wish.action().likeness(call) for call in calls}
    if likeness & {"same", "other_words"}:
        return 1.0, ""
    if wish.way == "edit" and any(wish.action(proposed=True).likeness(call) != "other" for call in calls):
        return 0.0, f"it proposes {wish.tool} as it was before a person changed it"
    if any(call.name == wish.tool for call in calls):
        return 0.0, f"it proposes {wish.tool} with other arguments than those that were accepted"
    return 0.0, f"it does not propose {wish.tool}, which was accepted"


_PAST: Final = {"reject": "rejected", "undo": "taken back"}


def _told(calls: Sequence[ToolCall]) -> str | None:
    return "; ".join(f"{call.name} {call.args_json}" for call in calls) or None


def write_suite(
    folder: Path, judging: Sequence[Item], tuning: Sequence[Item], offers: Mapping[str, tuple[AnyTool, ...]]
) -> None:
    """Write items and tools as a folder that `copilot-kit eval run FOLDER/suite.py` takes."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, items in ((TUNING, tuning), (ITEMS, judging)):  # in this order: at no moment is an item on both sides
        if items:
            beside = folder / f"{name}.new"
            Dataset.of(items).write(beside)
            beside.replace(folder / name)
        else:
            (folder / name).unlink(missing_ok=True)
    told: dict[str, Any] = {name: [one.model_dump(mode="json") for one in tools] for name, tools in offers.items()}
    (folder / OFFERS).write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / SUITE).write_text(_SUITE_TEXT, encoding="utf-8")


def tuning_clusters(folder: Path) -> set[str]:
    """Return what the items of a folder are about that tune prompts; raises `BadDataset` where they cannot be read."""
    path = folder / TUNING
    return {item.cluster for item in Dataset.read(path) if item.cluster is not None} if path.is_file() else set()


_SUITE_TEXT: Final = '''"""What people decided, as test cases; made by: copilot-kit eval from-journal"""

from pathlib import Path

from copilot_kit_evals.recorded.asking import decision_tasks

tasks = decision_tasks(Path(__file__).parent)
'''


def decision_tasks(folder: Path, *, tuning: bool = False) -> list[Task]:
    """Return the task of a folder that was made from a journal; tuning: of the items that never judge."""
    path = folder / (TUNING if tuning else ITEMS)
    if not path.is_file():
        raise UsageError(f"{str(folder)!r} has no {path.name}: no decision of the journal fell on that side. "
                         "Make it again when more was decided.")  # fmt: skip
    try:
        offers = _OFFERS.validate_json((folder / OFFERS).read_bytes())
    except (OSError, ValidationError) as error:
        raise UsageError(f"The tools in {str(folder / OFFERS)!r} cannot be read. "
                         "Make the folder again with: copilot-kit eval from-journal") from error  # fmt: skip
    name = "decisions-tuning" if tuning else "decisions"
    return [Task(name, Dataset.read(path), NextStep(offers), [AsDecided()])]
