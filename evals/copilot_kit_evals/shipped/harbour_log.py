"""A harbour's log of any length, made from a seed: facts among entries that hold none, and what can be asked of them.

The same seed gives the same log on every machine and version: only `Random.random` is drawn from, whose sequence Python
promises to keep.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final, TypeVar

_T = TypeVar("_T")

SHIPS: Final = (
    "Amber Finch", "Blue Heron", "Cormorant", "Dorothea", "Evening Star", "Fair Isle", "Golden Hind", "Hesperus",
    "Iron Duke", "Juniper", "Kestrel", "Lady Margaret", "Marigold", "Nightingale", "Ocean Queen", "Petrel",
)  # fmt: skip
PEOPLE: Final = (
    "Abel", "Brigid", "Caspar", "Dorrit", "Edmund", "Flora", "Gilbert", "Hester", "Ivo", "Jemima", "Konrad", "Lotte",
    "Magnus", "Nora", "Osric", "Philippa",
)  # fmt: skip
COLOURS: Final = (
    "amber", "black", "copper", "green", "grey", "indigo", "ivory", "purple", "red", "silver", "teal", "white",
    "yellow",
)  # fmt: skip
CARGOES: Final = ("tea", "wool", "salt", "copper wire", "oranges", "timber", "coffee", "lamp oil")
SHEDS: Final = (1, 2, 3, 4, 5, 6)
_CODE_DIGITS: Final = 4
_CODE_LETTERS: Final = "BCDFGHJKLMNPQRSTVWXZ"
_ENTRIES_A_WATCH: Final = 12
_WATCHES: Final = ("Morning", "Forenoon", "Afternoon", "Dog", "First", "Middle")

_WEATHER: Final = ("Fog lay", "Rain fell", "A warm wind stood", "Sleet drove", "The sun shone", "Heavy cloud hung")
_PLACES: Final = ("the mole", "the fish market", "the customs house", "the old crane", "the chapel", "the dry dock",
                  "the rope walk", "the pilots' hut")  # fmt: skip
_DEEDS: Final = ("mended nets", "painted a fence", "counted gulls", "told an old story", "swept the steps",
                 "looked for a lost cap", "boiled coffee", "tarred a boat", "played cards")  # fmt: skip
_THINGS: Final = ("a brass button", "a torn sail", "three empty barrels", "a drowned lantern", "a crate without a lid",
                  "a letter in a bottle", "an oar", "a child's shoe")  # fmt: skip
_ENDS: Final = ("Nothing else was seen.", "The watch was quiet after that.", "Nobody complained.",
                "It was written down and forgotten.", "The evening bell rang late.", "So ended the watch.",
                "", "", "")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Draw:
    """Draws of a seed."""

    source: Random

    @classmethod
    def of(cls, seed: str) -> "Draw":
        """Return the draws of a seed in words."""
        return cls(Random(seed))

    def number(self, below: int) -> int:
        """Return a whole number from 0 on."""
        return int(self.source.random() * below)

    def one(self, options: Sequence[_T]) -> _T:
        """Return one of them."""
        return options[self.number(len(options))]

    def some(self, options: Sequence[_T], count: int) -> list[_T]:
        """Return so many different ones, in an order of their own."""
        left = list(options)
        return [left.pop(self.number(len(left))) for _ in range(count)]


@dataclass(slots=True)
class Facts:
    """What is so in a log."""

    codes: dict[str, str] = field(default_factory=dict)
    """Of lockers, by colour; they never change."""
    arrivals: list[tuple[str, int, str]] = field(default_factory=list)
    """Ship, crates and what is in them, in order."""
    keepers: list[tuple[int, str]] = field(default_factory=list)
    """Shed, and who keeps its key from then on, in order."""
    stored: dict[str, int] = field(default_factory=dict)
    """The shed in which the anchor of a ship lies; said once a ship."""

    def crates(self, ship: str, cargo: str) -> int:
        """Return how many crates of a cargo a ship has brought."""
        return sum(count for one, count, what in self.arrivals if (one, what) == (ship, cargo))

    def visits(self, ship: str) -> int:
        """Return how often a ship came in."""
        return sum(one == ship for one, _, _ in self.arrivals)

    def keeper(self, shed: int) -> str:
        """Return who keeps the key of a shed in the end."""
        return next(who for one, who in reversed(self.keepers) if one == shed)

    def last(self, ship: str) -> int:
        """Return the place of a ship's last arrival."""
        return max(place for place, (one, _, _) in enumerate(self.arrivals) if one == ship)


@dataclass(frozen=True, slots=True)
class Log:
    """A log as text, what is so in it, and the ship that most of it is about."""

    text: str
    facts: Facts
    ship: str


def log_of(seed: str, *, characters: int, visits: int) -> Log:
    """Return the log of a seed, of about so many characters, in which one ship comes in so often or a little more.

    Facts stand anywhere, in an order that is theirs; the rest is filled with entries that hold none.
    """
    draw = Draw.of(seed)
    ship = draw.one(SHIPS)
    facts, visits = Facts(), visits + draw.number(3)
    told = list(_told(draw, facts, ship, visits))
    room = characters - sum(len(one) + 1 for one in told)
    idle: list[str] = []
    while room > 0:
        idle.append(_idle(draw, ship))
        room -= len(idle[-1]) + 1
    lines: list[str] = []
    for number, one in enumerate(_mixed(draw, told, idle)):
        if number % _ENTRIES_A_WATCH == 0:
            lines.append(f"{draw.one(_WATCHES)} watch.")
        lines.append(one)
    return Log("\n".join(lines), facts, ship)


def _mixed(draw: Draw, told: Sequence[str], idle: Sequence[str]) -> Iterator[str]:
    """Yield both, each in its own order, the told ones anywhere."""
    total = len(told) + len(idle)
    places = set(draw.some(range(total), len(told)))
    first, second = iter(told), iter(idle)
    for place in range(total):
        yield next(first) if place in places else next(second)


def _told(draw: Draw, facts: Facts, ship: str, visits: int) -> list[str]:
    """Return the entries that hold facts, and write down what is so."""
    arrivals = [ship] * visits + [draw.one([one for one in SHIPS if one != ship]) for _ in range(2 * visits)]
    plan = [("arrival", one) for one in draw.some(arrivals, len(arrivals))]
    plan += [("code", one) for one in draw.some(COLOURS, min(len(COLOURS) - 2, 2 + visits))]
    plan += [("key", str(shed)) for shed in SHEDS[: 2 + visits // 3] for _ in range(1 + visits // 2)]
    plan += [("anchor", one) for one in draw.some(SHIPS, 2 + visits // 2)]
    cargo = draw.one(CARGOES)
    return [_entry(draw, facts, kind, name, cargo) for kind, name in draw.some(plan, len(plan))]


def _entry(draw: Draw, facts: Facts, kind: str, name: str, cargo: str) -> str:
    match kind:
        case "arrival":
            what = cargo if draw.number(2) else draw.one(CARGOES)
            facts.arrivals.append((name, 11 + draw.number(80), what))
            return f"The {name} came in with {facts.arrivals[-1][1]} crates of {what}."
        case "code":
            facts.codes[name] = _code(draw)
            return f"The code of the {name} locker is {facts.codes[name]}; it stays so."
        case "key":
            held = [who for shed, who in facts.keepers if shed == int(name)][-1:]
            facts.keepers.append((int(name), draw.one([one for one in PEOPLE if one not in held])))
            return f"From now on {facts.keepers[-1][1]} keeps the key of shed {name}."
        case _:
            sheds = sorted({shed for shed, _ in facts.keepers}) or [1]
            facts.stored[name] = draw.one(sheds)
            return f"The spare anchor of the {name} was put into shed {facts.stored[name]}."


def _code(draw: Draw) -> str:
    return (
        draw.one(_CODE_LETTERS) + draw.one(_CODE_LETTERS) + "".join(str(draw.number(10)) for _ in range(_CODE_DIGITS))
    )


def _idle(draw: Draw, ship: str) -> str:
    """Return an entry that holds no fact; some sound like one."""
    match draw.number(9):
        case 0 | 1:
            first = f"{draw.one(_WEATHER)} over {draw.one(_PLACES)}."
        case 2 | 3:
            first = f"{draw.one(PEOPLE)} {draw.one(_DEEDS)} behind {draw.one(_PLACES)}."
        case 4:
            first = f"{draw.one(PEOPLE)} found {draw.one(_THINGS)} near {draw.one(_PLACES)}."
        case 5:
            name = ship if draw.number(3) == 0 else draw.one(SHIPS)
            first = f"The {name} was expected and did not come."
        case 6:
            first = f"{draw.one(PEOPLE)} asked for the key of shed {draw.one(SHEDS)} and did not get it."
        case 7:
            first = f"{draw.one(PEOPLE)} had forgotten the code of the {draw.one(COLOURS)} locker again."
        case _:
            first = f"{draw.one(PEOPLE)} and {draw.one(PEOPLE)} {draw.one(_DEEDS)} at {draw.one(_PLACES)}."
    return f"{first} {draw.one(_ENDS)}".strip()
