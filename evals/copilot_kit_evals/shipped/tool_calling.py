"""Whether a model calls the right tool with the right arguments, or rightly none, and what it makes of results.

Two tasks. `tool_calling` is one answer: `right_tool` among few or many, `arguments` (numbers, enums, codes), `dates`,
`nested` objects and lists, `parallel` calls, `no_call` where no tool fits or none is wanted, `ask_back` where an
argument is missing. Arguments are held one by one against all that would be right (`argument.NAME` and `arguments` in
the parts). `tool_steps` is an agent with a small shop: `use_result`, `chained` calls, `recover` from an error that
says what would be right. Further tags: easy, medium, hard, lang, smoke. `meta.wrong` is what a weaker model does.
"""

from dataclasses import dataclass
from typing import Final

from copilot_kit import Agent
from copilot_kit_evals.items import Dataset, Item
from copilot_kit_evals.public_sets import Offer
from copilot_kit_evals.scorers.editions import edition
from copilot_kit_evals.scorers.tool_calls import Made, ToolCalls, wanted_calls
from copilot_kit_evals.scores import Output, Score
from copilot_kit_evals.shipped import items_of
from copilot_kit_evals.shipped.office_tools import functions
from copilot_kit_evals.shipped.sayings import is_echo, says
from copilot_kit_evals.shipped.shop import TOOLS
from copilot_kit_evals.tasks import Ask, Assign, Setup, Task

PROMPT: Final = (
    "Today is Wednesday, 4 March 2026. Make all the calls that the request needs in one answer; look nothing up unless "
    "that is what is asked for. Leave out optional arguments of which nothing is said. If an argument that is needed "
    "is missing, ask for it and call nothing. If no tool fits, answer in words."
)
STEPS: Final = (
    "Today is Wednesday, 4 March 2026. You work in a shop and answer questions with the tools. If a call fails, read "
    "what is wrong and mend it. Then answer in one or two sentences, with the exact numbers and names."
)


def tasks() -> list[Task]:
    """Return the two tasks."""
    single = Dataset.of(map(_with_functions, items_of("tool_calling")), name="tool_calling")
    return [
        Task("tool_calling", single, Offer(Ask(PROMPT)), [Called()]),
        Task("tool_steps", items_of("tool_steps"), Assign(_agent), [Worked()]),
    ]


def _with_functions(item: Item) -> Item:
    offered = item.meta["offered"]
    names = [str(name) for name in offered] if isinstance(offered, list) else []
    return item.model_copy(update={"meta": {**item.meta, "functions": functions(names)}})


def _agent(setup: Setup) -> Agent[str]:
    tools = [one for one in TOOLS if setup.allows(one.name)]
    return Agent(setup.model, tools=tools, instructions=setup.prompt(STEPS), settings=setup.settings)


@dataclass(frozen=True, slots=True)
class Called:
    """Right if exactly the wanted calls were made; where none is wanted, the words must also say what is due.

    `meta.says` lists words of which one is enough, see `sayings`. The user's own words again say nothing.
    """

    name: str = "tool_calls"

    @property
    def digest(self) -> str:
        """Of the rules, those of the calls among them."""
        return edition("called", 1, calls=ToolCalls().digest)

    async def __call__(self, item: Item, output: Output) -> Score:
        """Return 1 or 0, with the share of right arguments as a part."""
        score = await ToolCalls()(item, output)
        if item.target or not score.value:
            return score
        if is_echo(item, output.text) or not says(output.text, item.meta.get("says")):
            return Score(value=0.0, reason="it calls nothing, rightly, and does not say what is due")
        return score


@dataclass(frozen=True, slots=True)
class Worked:
    """Right if the calls of the target were made at some time, whatever else was, and the last words say what is due.

    `meta.says` is a list of lists: of each, one entry must be said. `parts` has the shares of both.
    """

    name: str = "worked"

    @property
    def digest(self) -> str:
        """Of the rules."""
        return edition("worked", 1)

    async def __call__(self, item: Item, output: Output) -> Score:
        """Return 1 or 0."""
        made = [Made.of(call) for call in output.calls]
        wanted = wanted_calls(item)
        done = [any(one.faults(call) == {} for call in made) for one in wanted]
        due = item.meta.get("says")
        said = [says(output.text, group) for group in due] if isinstance(due, list) else []
        parts: dict[str, float | None] = {"calls": _share(done), "said": _share(said)}
        missing = [
            f"{one.name} was not called as it should be" for one, right in zip(wanted, done, strict=True) if not right
        ]
        missing += ["the answer does not say what came out"] * (not all(said))
        return Score(value=float(all(done) and all(said)), reason="; ".join(missing) or None, parts=parts)


def _share(right: list[bool]) -> float:
    return sum(right) / len(right) if right else 1.0
