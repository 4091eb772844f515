"""No `async` of one's own: an answer in a form, words as they come, and models that wrap models.

Run it as it is, without a key: python examples/without_async.py
"""

from pydantic import BaseModel

from copilot_kit import Agent, Limits
from copilot_kit.budget import Budget, Budgeted
from copilot_kit.events import PartDelta
from copilot_kit.fallback import Fallback
from copilot_kit.retry import Retry
from copilot_kit.sync import iterate, wait
from copilot_kit.testing import FaultModel, ScriptedModel, rate_limited


class Ticket(BaseModel):
    """What a mail is about."""

    number: int
    urgent: bool


# An answer in a form: `run.output` is a Ticket, or the run fails.
run = wait(Agent(ScriptedModel('{"number": 17, "urgent": true}'), output=Ticket).run("Which ticket is urgent?"))
print(run.output)

# Words as they come; the last item is the run.
for event in iterate(Agent(ScriptedModel("Ticket 17 comes first.")).stream("And in words?")):
    if isinstance(event, PartDelta) and event.text:
        print(event.text, end="|")
print()

# Each of these is a model itself: asked twice, then the other one, and never more than ten requests in all.
busy = FaultModel(ScriptedModel("never said"), [rate_limited(0.01), rate_limited(0.01)])
patient = Fallback([Retry(busy, attempts=2), ScriptedModel("The second model answers.")])
agent = Agent(Budgeted(patient, Budget(requests=10)), limits=Limits(turns=3))
run = wait(agent.run("Hello?"))
print(run.text, [f"{attempt.model}: {attempt.error}" for attempt in run.response.attempts if attempt.error])
