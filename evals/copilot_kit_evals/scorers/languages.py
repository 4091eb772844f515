"""Which language a text is written in, as far as that can be told."""

from functools import cache
from typing import Any, Final
from unicodedata import category

FEWEST_LETTERS: Final = 12
"""Below this a guess is worth nothing."""


class NoLanguages(Exception):
    """Nothing that tells languages is installed; the text says what to install."""


def language_of(text: str) -> str | None:
    """Return the ISO 639-1 code of the language that a text is most likely in; None where it is too short to tell.

    By py3langid (Lui and Baldwin 2012, 97 languages): the same text always gets the same answer, which langdetect does
    not promise. Raises `NoLanguages` where it is not installed.
    """
    letters = sum(category(one)[0] in "LM" for one in text)
    if letters < FEWEST_LETTERS:
        return None
    return str(_teller().classify(text.lower())[0])


@cache
def _teller() -> Any:
    try:
        import py3langid  # type: ignore[import-untyped,unused-ignore]
    except ImportError as error:
        raise NoLanguages(
            "Nothing here tells one language from another. Install what does: pip install 'copilot-kit[evals]'"
        ) from error
    return py3langid
