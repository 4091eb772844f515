"""The files that are searched: the same for the same seed, with words as unevenly used as in real text."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Final

SYLLABLES: Final = (
    "ka lo mi ren tas vor el un dor sim pra che not gal fur bel ost wi zan ter que lin ga mu hal per sto ni co ra"
)
VOCABULARY: Final = 60_000
EXPONENT: Final = 1.07  # of Zipf's law, as measured for English


@dataclass(frozen=True, slots=True)
class Size:
    """How many files, and how many bytes all of them have together."""

    files: int
    size_bytes: int


FULL: Final = Size(10_000, 50_000_000)
QUICK: Final = Size(300, 600_000)


def vocabulary(draw: random.Random, count: int = VOCABULARY) -> list[str]:
    """Words, the commonest first; the common ones are short, as they are in languages."""
    words: dict[str, None] = {}
    pieces = SYLLABLES.split()
    while len(words) < count:
        syllables = 1 + min(3, len(words) // 25) if len(words) < 100 else draw.choice((2, 3, 3, 4))
        words["".join(draw.choices(pieces, k=syllables))] = None
        if len(words) < 25:
            words["".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=2))] = None
    return list(words)


class Words:
    """An endless text by Zipf's law."""

    def __init__(self, draw: random.Random) -> None:
        self._draw = draw
        self.all = vocabulary(draw)
        self._weights = list(accumulate(1 / (rank + 2.7) ** EXPONENT for rank in range(len(self.all))))

    def some(self, count: int) -> list[str]:
        return self._draw.choices(self.all, cum_weights=self._weights, k=count)

    def line(self, count: int) -> str:
        return " ".join(self.some(count))

    def rarer(self, count: int) -> list[str]:
        """Words as people search for them: not among the hundred commonest."""
        return [self.all[int(100 * (len(self.all) / 100) ** self._draw.random())] for _ in range(count)]


def _section(words: Words, draw: random.Random, level: int) -> Iterator[str]:
    yield f"{'#' * level} {words.line(draw.randint(2, 5)).capitalize()}"
    yield ""
    for _ in range(draw.randint(2, 5)):
        kind = draw.random()
        if kind < 0.7:
            for _ in range(draw.randint(2, 7)):
                yield words.line(draw.randint(10, 16)).capitalize() + "."
        elif kind < 0.9:
            yield from (f"- {words.line(draw.randint(4, 12))}" for _ in range(draw.randint(3, 8)))
        else:
            name = "_".join(words.some(3))
            yield from ("```", f"def {name}(order_id):", f"    return {words.some(1)[0]}.{name}(order_id)", "```")
        yield ""


def _file(words: Words, draw: random.Random, size_bytes: float) -> str:
    lines, length, level = list[str](), 0, 1
    while length < size_bytes:
        section = list(_section(words, draw, level))
        lines += section
        length += sum(map(len, section)) + len(section)
        level = draw.choice((2, 2, 3))
    return "\n".join(lines) + "\n"


def build(root: Path, size: Size, *, seed: int = 1) -> Words:
    """Write the files below `root` and return the words that they were made of."""
    draw = random.Random(seed)
    words = Words(draw)
    mean = size.size_bytes / size.files
    for number in range(size.files):
        folder = root / words.all[100 + number % 40] / words.all[200 + number % 7]
        folder.mkdir(parents=True, exist_ok=True)
        wanted = min(20 * mean, mean * (draw.paretovariate(1.6) - 0.4) / 2.27)
        text = _file(words, draw, wanted * 0.9)
        (folder / f"{'-'.join(words.rarer(2))}-{number}.md").write_text(text, encoding="utf-8")
    return words
