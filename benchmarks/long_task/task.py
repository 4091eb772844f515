"""The task: records with what is to be known of them, what the user says on the way, and the answers that are right."""

import random
from dataclasses import dataclass

_FIRST = ("Ada", "Ben", "Cleo", "Dora", "Emil", "Fay", "Gus", "Hana", "Ivo", "Jane", "Karl", "Lena", "Max", "Nora")
_LAST = ("Moss", "Reed", "Stone", "Brook", "Field", "Wood", "Hill", "Lake", "Marsh", "Vale", "Cliff", "Heath")
CITIES = ("Berlin", "Ulm", "Kiel", "Mainz", "Jena")
_COLOURS = ("green", "blue", "red", "grey", "white", "brown", "yellow", "black")
_THINGS = ("parcel", "crate", "envelope", "barrel", "pallet", "folder")
_FILLER = (
    "The letter came in the morning post and was put on the pile with the others.",
    "Nobody at the desk could say who had carried it up the stairs.",
    "It rained all week, which has nothing to do with this record.",
    "The clerk before you left a coffee stain on the first page.",
    "A copy was sent to the archive, where it waits for a number of its own.",
    "The telephone rang twice while this was typed.",
    "Some words on the back are in pencil and cannot be read any more.",
    "The old form asked for more than the new one does.",
)
FIRST_ACCOUNT = "A"


@dataclass(frozen=True, slots=True)
class Record:
    """One record, as its file has it."""

    number: int
    customer: str
    city: str
    amount: str
    remark: str
    text: str


@dataclass(frozen=True, slots=True)
class Correction:
    """What the user says on the way: which account a city is booked on from now on, or what a record's amount is."""

    number: int
    city: str = ""
    account: str = ""
    record: int = 0
    amount: str = ""

    @property
    def words(self) -> str:
        """As the user says it."""
        if self.city:
            return f"Correction {self.number}: from now on book {self.city} customers on account {self.account}."
        return f"Correction {self.number}: the amount of record {self.record} is {self.amount}."


@dataclass(frozen=True, slots=True)
class Question:
    """A question about one record."""

    what: str
    record: int

    @property
    def words(self) -> str:
        """As the user asks it."""
        return f"What is the {self.what} of record {self.record}?"


@dataclass(frozen=True, slots=True)
class Booking:
    """What stands in the ledger of one record."""

    record: int
    account: str
    amount: str


class Task:
    """Everything that is said and known, made from the number of records and a seed."""

    def __init__(self, records: int, *, seed: int = 1, batch: int = 25, questions: int = 40) -> None:
        chance = random.Random(seed)
        self.records = {number: _record(number, chance) for number in range(1, records + 1)}
        self.stops = [*range(min(batch, records), records, batch), records]
        """The model reports when it has booked up to each of these, and the user speaks."""
        self.corrections = _corrections(self.stops, records, chance)
        """By the stop after which they are said."""
        self.questions = _questions(records, questions, chance, self.corrections)
        self.bookings = dict(self.booked())

    @property
    def opening_words(self) -> str:
        """Return what the user asks for."""
        return (
            f"Work through the records 1 to {len(self.records)}, in order. Read each with read_record, note its facts "
            f"and book it once with book: on account {FIRST_ACCOUNT}, unless I correct that. Book no record twice. "
            "My corrections of amounts hold for what is not booked yet and for what you answer later; do not book "
            f"again. Now go on to record {self.stops[0]}, then tell me how far you are and wait. In the end I shall "
            "ask about the records."
        )

    @property
    def said(self) -> list[str]:
        """All that the user says, in order: the task, each time to go on, with corrections, and the questions."""
        words = [self.opening_words]
        for before, stop in zip(self.stops, self.stops[1:], strict=False):
            told = " ".join(one.words for one in self.corrections.get(before, ()))
            words.append(f"{told} Now go on to record {stop}.".strip())
        return [*words, *(one.words for one in self.questions)]

    def answer(self, question: Question) -> str:
        """Return the right answer, to the letter."""
        record = self.records[question.record]
        match question.what:
            case "customer":
                return record.customer
            case "amount":
                return self._amount(record.number)
            case "account":
                return self.bookings[record.number].account
            case _:
                return record.remark

    def is_obeyed(self, correction: Correction, bookings: dict[int, Booking], answers: dict[str, str]) -> bool:
        """Tell whether what was booked, and answered, is as the correction wants it."""
        if correction.city:
            after = next(stop for stop, told in self.corrections.items() if correction in told)
            wanted = [one for number, one in self.bookings.items()
                      if number > after and self.records[number].city == correction.city]  # fmt: skip
            return all(bookings.get(one.record) == one for one in wanted)
        question = Question("amount", correction.record)
        wanted_booking = self.bookings[correction.record]
        return (bookings.get(correction.record) == wanted_booking
                and answers.get(question.words, correction.amount) == correction.amount)  # fmt: skip

    def _amount(self, record: int) -> str:
        told = [one.amount for some in self.corrections.values() for one in some if one.record == record]
        return told[-1] if told else self.records[record].amount

    def booked(self) -> list[tuple[int, Booking]]:
        """Return what must stand in the ledger, in the order of the records."""
        accounts, amounts, booked = dict[str, str](), dict[int, str](), list[tuple[int, Booking]]()
        for number, record in self.records.items():
            account = accounts.get(record.city, FIRST_ACCOUNT)
            booked.append((number, Booking(number, account, amounts.get(number, record.amount))))
            for told in self.corrections.get(number, ()):
                if told.city:
                    accounts[told.city] = told.account
                else:
                    amounts[told.record] = told.amount
        return booked


def _record(number: int, chance: random.Random) -> Record:
    customer = f"{chance.choice(_FIRST)} {chance.choice(_LAST)}"
    city = chance.choice(CITIES)
    amount = f"{chance.randrange(100, 99_999) / 100:.2f}"
    remark = f"the {chance.choice(_THINGS)} was {chance.choice(_COLOURS)} and weighed {chance.randrange(2, 90)} kg"
    filler = chance.sample(_FILLER, 4)
    text = (
        f"Record {number}. {filler[0]} The customer is {customer} of {city}. {filler[1]} {filler[2]} "
        f"The amount is {amount} EUR. Remark: {remark}. {filler[3]}"
    )
    return Record(number, customer, city, amount, remark, text)


def _corrections(stops: list[int], records: int, chance: random.Random) -> dict[int, tuple[Correction, ...]]:
    """Return corrections for two stops of three: a city's account, the amount of a record to come, or of one gone."""
    found: dict[int, tuple[Correction, ...]] = {}
    number, fixed = 0, set[int]()
    for index, stop in enumerate(stops[:-1]):
        if index % 3 == 0:
            told = [Correction(0, city=chance.choice(CITIES[:3]), account=chance.choice("BCDE"))]
        elif index % 3 == 1:
            told = [Correction(0, record=chance.randrange(stop + 1, records + 1), amount=_amount(chance)),
                    Correction(0, record=chance.randrange(1, stop + 1), amount=_amount(chance))]  # fmt: skip
        else:
            told = []
        told = [one for one in told if one.city or one.record not in fixed]
        fixed |= {one.record for one in told if one.record}
        found[stop] = tuple(
            Correction(number + at, one.city, one.account, one.record, one.amount) for at, one in enumerate(told, 1)
        )
        number += len(told)
    return found


def _amount(chance: random.Random) -> str:
    return f"{chance.randrange(100, 99_999) / 100:.2f}"


def _questions(
    records: int, count: int, chance: random.Random, corrections: dict[int, tuple[Correction, ...]]
) -> list[Question]:
    """Return questions about early and late records, every record whose amount was corrected among them."""
    corrected = [Question("amount", one.record) for some in corrections.values() for one in some if one.record]
    asked = [Question(("customer", "amount", "account", "remark")[at % 4], chance.randrange(1, records + 1))
             for at in range(count)]  # fmt: skip
    return list(dict.fromkeys([*corrected, *asked]))[: max(count, len(corrected))]
