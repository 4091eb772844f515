"""Whether a model fills a form from a text: mails, invoices, orders, logs, tables; and leaves open what is not said.

The form is a JSON schema, sent as the form of the answer. Each is a tag: `person`, `contact`,
`invoice`, `order`, `meeting`, `incidents`, `expenses`, `trip`, `staff`. Values count one by one (`Records`), invented
ones as faults; `records_whole` says how often all of an item was right. Further tags: easy, medium, hard, lang (texts
in other languages), smoke. `meta.wrong` is what a hasty reader writes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from copilot_kit.request import OutputSpec
from copilot_kit_evals.scorers.records import Records
from copilot_kit_evals.scores import digest_of
from copilot_kit_evals.shipped import items_of
from copilot_kit_evals.tasks import Ask, Setup, Solved, Task

PROMPT: Final = (
    "Fill in the form from the text that the user gives. Copy names and words as they stand there, products in the "
    "singular. Dates are YYYY-MM-DD, times HH:MM of 24 hours, amounts plain numbers with a point, currencies codes of "
    "three letters. Write null for what the text does not say, and never guess. Notes in the text on what the form "
    "wants hold."
)


def _maybe(kind: str, description: str = "") -> dict[str, Any]:
    return {"type": [kind, "null"], **({"description": description} if description else {})}


def _form(**fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}


def _records(each: str, /, **fields: dict[str, Any]) -> dict[str, Any]:
    return _form(records={"type": "array", "description": f"One for each {each}", "items": _form(**fields)})


FORMS: Final[Mapping[str, dict[str, Any]]] = {
    "person": _form(name=_maybe("string"), age=_maybe("integer"), city=_maybe("string", "Where the person lives now")),
    "contact": _form(
        name=_maybe("string", "Without titles"), company=_maybe("string"), phone=_maybe("string"), mail=_maybe("string")
    ),
    "invoice": _form(
        number=_maybe("string"), date=_maybe("string"), due_date=_maybe("string"), seller=_maybe("string"),
        currency=_maybe("string"), net=_maybe("number", "Only if it is written there"),
        tax=_maybe("number", "Only if it is written there"),
        total=_maybe("number"),
    ),
    "order": _form(
        order_number=_maybe("string"),
        customer=_maybe("string", "Without titles"),
        products={
            "type": "array",
            "items": _form(product=_maybe("string"), quantity=_maybe("integer"), colour=_maybe("string")),
        },
    ),
    "meeting": _form(
        date=_maybe("string"), start=_maybe("string"), end=_maybe("string"), place=_maybe("string"),
        people={"type": "array", "items": {"type": "string"}, "description": "Who comes beside the writer"},
    ),
    "incidents": _records("error", time=_maybe("string", "HH:MM"), host=_maybe("string"), code=_maybe("integer")),
    "expenses": _records(
        "payment",
        date=_maybe("string"), what=_maybe("string"), amount=_maybe("number"), currency=_maybe("string")
    ),
    "trip": _form(**{
        "from": _maybe("string", "City"), "to": _maybe("string", "City"), "date": _maybe("string", "Of the departure"),
        "departure": _maybe("string"), "arrival": _maybe("string"),
        "number": _maybe("string", "Of the train, flight or bus, with its letters"), "price": _maybe("number"),
    }),
    "staff": _records("person", name=_maybe("string"), role=_maybe("string"), since=_maybe("integer", "Year")),
}  # fmt: skip
"""By name: what is to be filled in."""


@dataclass(frozen=True, slots=True)
class Fill:
    """Asks for an answer in the form that the item names as `meta.form`."""

    ask: Ask = field(default_factory=lambda: Ask(PROMPT))

    @property
    def digest(self) -> str:
        """Over all that is sent beside the item."""
        return digest_of(f"fill 1 {self.ask.digest} {FORMS}")

    async def __call__(self, setup: Setup) -> Solved:
        """Return the answer."""
        name = str(setup.item.meta["form"])
        return await replace(self.ask, output=OutputSpec(json_schema=FORMS[name], name=name))(setup)


def tasks() -> list[Task]:
    """Return the one task."""
    whole = Records(level="whole", name="records_whole")
    return [Task("extraction", items_of("extraction"), Fill(), [Records(), whole])]
