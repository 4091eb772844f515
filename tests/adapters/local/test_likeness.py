"""Which examples are shown."""

import pytest

from copilot_kit_local.likeness import nearest

pytestmark = pytest.mark.anyio
EXAMPLES = ["my parcel is lost", "the cup is broken", "send me the invoice"]


async def silent(_: str) -> None:
    return None


async def test_rare_words_in_common_count_without_embeddings() -> None:
    assert await nearest(["an invoice, and the receipt"], EXAMPLES, embed=silent, most=1) == [2]


async def test_in_doubt_the_order_given_stays() -> None:
    assert await nearest(["hello"], EXAMPLES, embed=silent, most=3) == [0, 1, 2]


async def test_meaning_finds_what_no_word_says() -> None:
    places = {"shattered": (1.0, 0.1), EXAMPLES[0]: (0.0, 1.0), EXAMPLES[1]: (1.0, 0.0), EXAMPLES[2]: (0.0, 0.9)}

    async def embed(text: str) -> tuple[float, ...]:
        return places[text]

    assert await nearest(["shattered"], EXAMPLES, embed=embed, most=1) == [1]


async def test_what_a_person_objected_counts_beside_the_user_s_words() -> None:
    both = ["a parcel", "send the invoice"]
    assert await nearest(both, EXAMPLES, embed=silent, most=1) == [2]


async def test_without_examples_none_are_shown() -> None:
    assert await nearest(["x"], [], embed=silent, most=4) == []
