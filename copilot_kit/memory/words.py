"""Words as a search sees them: of files, and of what models ask for.

Both go the same way: case, accents and forms of one letter are levelled; scripts that put no space between words are
cut into overlapping pairs of letters, so that any part of a sentence is found; pictures (emoji) are words. What comes
out are words of letters and digits only, parted by what SQLite's `ascii` tokenizer takes for a gap.
"""

import re
import unicodedata
from dataclasses import dataclass

_UNSPACED = re.compile(
    "[\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3041-\u30ff\u3105-\u312f"
    "\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff"
    "\U00016fe0-\U00018fff\U0001b000-\U0001b2ff\U00020000-\U0003ffff]+"
)
"""Thai, Lao, Burmese, Khmer, Chinese, Japanese, Korean."""
_ACCENTS = range(0x300, 0x370)
_HANGUL = range(0xAC00, 0xD7A4)
_DROPPED = {"\u00ad", "\u200c", "\u200d", "\u2060", "\ufeff"} | {chr(code) for code in range(0xFE00, 0xFE10)}
"""Soft hyphens, joiners and the choice of a letter's look: not seen, so not searched for."""
_WORD = re.compile(r"[0-9a-z\u0080-\U0010ffff]+")
_CHUNK = re.compile(r'"([^"]*)"|(\S+)')
_HUMP = re.compile(r"[A-Z](?:(?<=[a-z0-9].)|(?<=[A-Z].)(?=[a-z]))")
"""It begins with the capital, since that is rare: four times faster to look for than the letter before it."""
_HUMPED = re.compile(r"[A-Za-z0-9]*(?:[a-z0-9][A-Z]|[A-Z][A-Z][a-z])[A-Za-z0-9]*")
_BETWEEN = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_ENDINGS = ("ing", "ies", "es", "ed", "s")
_SHORTEST_STEM = 4
_SHORTEST_PREFIX = 3
MOST_TERMS = 40
MOST_QUERY_CHARS = 4_000


class _Letters(dict[int, str]):
    """What becomes of each letter; found out when it is first met."""

    def __missing__(self, code: int) -> str:
        found = self[code] = _level(chr(code))
        return found


def _level(letter: str) -> str:
    plain = letter if ord(letter) in _HANGUL else unicodedata.normalize("NFKD", letter)
    return "".join(map(_kept, plain.casefold()))


def _kept(letter: str) -> str:
    if ord(letter) in _ACCENTS or letter in _DROPPED:
        return ""
    kind = unicodedata.category(letter)
    if letter.isalnum() or kind[0] == "M":
        return letter
    return f" {letter} " if kind == "So" else " "


_LETTERS = _Letters()


def levelled(text: str) -> str:
    """Return the text as the index holds it."""
    if text.isascii():
        return text
    return _UNSPACED.sub(_pairs, text.translate(_LETTERS))


def _pairs(run: re.Match[str]) -> str:
    letters = run[0]
    return f" {' '.join(letters[at : at + 2] for at in range(len(letters)))} "


def humps(text: str) -> str:
    """Return the parts of names written like `orderNumber`, which are one word otherwise."""
    if not _HUMP.search(text):
        return ""
    return " ".join(_BETWEEN.sub(" ", name) for name in _HUMPED.findall(text))


def words_of(text: str) -> list[str]:
    """Return the words in order."""
    return _WORD.findall(levelled(text).lower())


@dataclass(frozen=True, slots=True)
class Term:
    """One thing that is looked for: words that follow one another."""

    words: tuple[str, ...]
    begins: bool = False
    """The last one may go on."""

    def __str__(self) -> str:
        """Return it as SQLite's full text search reads it."""
        return f'"{" ".join(self.words)}"{"*" if self.begins else ""}'


def terms_of(query: str) -> list[Term]:
    """Return what plain words ask for; words that hang together (in quotes, or `order_number`) also as a whole.

    There is no syntax that could be wrong: a star at the end of a word means that it may go on, everything else that
    is neither letter, digit nor picture is a gap.
    """
    found: dict[Term, None] = {}
    for quoted, plain in _CHUNK.findall(query[:MOST_QUERY_CHARS]):
        words = words_of(quoted or plain)
        if not words:
            continue
        begins = plain.endswith("*") or _is_letter(words[-1])
        found[Term(tuple(words), begins)] = None
        for at, word in enumerate(words):
            if not (at and _is_letter(word) and words[at - 1][1:] == word):
                found[Term((word,), (begins and at == len(words) - 1) or _is_letter(word))] = None
    return list(found)[:MOST_TERMS]


def wider(query: str) -> list[Term]:
    """Return what to look for if the words themselves are not found: words that begin like them, parts of names."""
    found: dict[Term, None] = {}
    for word in [*words_of(query[:MOST_QUERY_CHARS]), *words_of(humps(query[:MOST_QUERY_CHARS]))]:
        for begin in (word, _stem(word)):
            if len(begin) >= _SHORTEST_PREFIX or not begin.isascii():
                found[Term((begin,), begins=True)] = None
    return list(found)[:MOST_TERMS]


def _is_letter(word: str) -> bool:
    """Return whether it is one letter of a script that is indexed in pairs: it begins the pairs that it is in."""
    return len(word) == 1 and _UNSPACED.fullmatch(word) is not None


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST_STEM:
            return word.removesuffix(ending)
    return word
