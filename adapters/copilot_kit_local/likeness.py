"""Which worked examples are most like a situation: by the model's own embeddings, and by rare words in common.

A model of this size copies the example that it has just read. Shown the few nearest ones, the nearest last, it chooses
far better than when it is shown all of them in a fixed order.
"""

import math
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

Vector: TypeAlias = tuple[float, ...]
Embed: TypeAlias = Callable[[str], Awaitable[Vector | None]]
_WORD = re.compile(r"[^\W\d_]{2,}")


async def nearest(situations: Sequence[str], examples: Sequence[str], *, embed: Embed, most: int) -> list[int]:
    """Return the indices of the examples most like the situations together, the most alike first.

    Where nothing makes embeddings, words in common decide alone; in doubt the order given.
    """
    total = [0.0] * len(examples)
    for situation in situations:
        words = _by_words(situation, examples)
        meaning = await _by_meaning(situation, examples, embed)
        total = [a + b + c for a, b, c in zip(total, words, meaning, strict=True)]
    return sorted(range(len(examples)), key=lambda index: -total[index])[:most]


async def _by_meaning(situation: str, examples: Sequence[str], embed: Embed) -> list[float]:
    here = await embed(situation)
    known = [vector for example in examples if (vector := await embed(example)) is not None]
    if here is None or not known or len(known) < len(examples):
        return [0.0] * len(examples)
    middle = [sum(column) / len(known) for column in zip(*known, strict=True)]  # what all of them share says nothing
    moved = _from(here, middle)
    return [_cosine(moved, _from(vector, middle)) for vector in known]


def _from(vector: Sequence[float], middle: Sequence[float]) -> list[float]:
    return [a - b for a, b in zip(vector, middle, strict=True)]


def _cosine(a: Sequence[float], b: Sequence[float]) -> float:
    length = math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))
    return sum(x * y for x, y in zip(a, b, strict=True)) / length if length else 0.0


def _by_words(situation: str, examples: Sequence[str]) -> list[float]:
    """Return the cosine of the words, each weighed by how few examples have it (inverse document frequency)."""
    texts = [set(_WORD.findall(example.lower())) for example in examples]
    seen = Counter(word for text in texts for word in text)
    weight = {word: math.log((len(texts) + 1) / (count + 0.5)) ** 2 for word, count in seen.items()}
    here = set(_WORD.findall(situation.lower())) & weight.keys()
    whole = sum(weight[word] for word in here)
    return [
        sum(weight[word] for word in here & text) / (math.sqrt(whole * sum(weight[word] for word in text)) or 1.0)
        for text in texts
    ]
