"""What an attempt gives a solver, and what the solvers that come with the package make of it."""

from copilot_kit import Agent
from copilot_kit.request import Settings
from copilot_kit.testing import ScriptedModel
from copilot_kit_evals.candidates import Candidate
from copilot_kit_evals.items import Item
from copilot_kit_evals.tasks import Assign, Setup


async def test_a_candidates_tries_are_those_of_the_agents_that_ask_it():
    made: list[Agent[str]] = []

    def asked(setup: Setup) -> Agent[str]:
        helper = Agent(setup.model, name="helper", output_tries=3)
        judge = Agent(ScriptedModel(), name="judge", output_tries=3, check_tries=5)
        tools = [helper.as_tool(description="Helps."), judge.as_tool(description="Judges.")]
        made[:] = [Agent(setup.model, tools=tools), helper, judge]
        return made[0]

    for tries in (None, 0):
        setup = Setup(item=Item(id="a", input="go"), variant="", repeat=0, candidate=Candidate(name="c", model="a:b"),
                      model=ScriptedModel("done"), settings=Settings(), seed=0, tries=tries)  # fmt: skip
        assert (await Assign(asked)(setup)).output.text == "done"
        expected = [(2, 2), (3, 2), (3, 5)] if tries is None else [(0, 0), (0, 0), (3, 5)]
        assert [(one.output_tries, one.check_tries) for one in made] == expected
