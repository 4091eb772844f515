"""Text of unknown origin, made safe to put before a person: nothing in it is hidden, and nothing is interpreted.

Control, bidi, zero-width and tag characters, variation selectors, loose accents, look-alikes of other scripts and odd
spaces are written as their code points: `⟦U+202E⟧`. Long runs of one character are counted: `⟦U+0020×3000⟧`. The
brackets themselves are written the same way, so that `recovered` gives the text back exactly.

What counts as a look-alike follows the idea of Unicode's security mechanisms (UTS 39): letters of scripts that are not
in wide use, letters of one word that mix Latin with a script that resembles it, and words made of look-alikes only.
"""

# ruff: noqa: RUF001, RUF002, SIM905  look-alikes are the subject; names of scripts read best in a row

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache

MARGIN = "  │ "
"""Begins every line of a value in the terminal; no line of the program's own begins so."""

_PLAIN = re.compile(r"[\x20-\x7e]*")
_ESCAPE = re.compile(r"⟦U\+([0-9A-F]{4,6})(?:×(\d+))?⟧")
_SIGN = re.compile(r"⟦U\+[0-9A-F]{4,6}(?:×\d+)?⟧|.", re.DOTALL)
"""One character as it is shown: itself, or its escape."""
_TOKEN = re.compile(r"[^ ]+|[ ]+")
_WORD = re.compile(r"[^\W_]+")
_ADDRESS = re.compile(r"[@/\\]|[A-Za-z0-9][.:][A-Za-z0-9]")
"""A token that may name a place or a person: there every odd sign is written out."""
_SPACES = re.compile(r" {10,}|(?<= ) +$| +$")
_RUN = re.compile(r"([^⟦⟧])\1{99,}")
_SAME_ESCAPES = re.compile(r"(⟦U\+([0-9A-F]{4,6})⟧)\1{2,}")
_MOST_MARKS = 4
_ENOUGH = 50

_IN_WIDE_USE = frozenset(
    "LATIN GREEK CYRILLIC ARMENIAN HEBREW ARABIC DEVANAGARI BENGALI GURMUKHI GUJARATI ORIYA TAMIL TELUGU KANNADA "
    "MALAYALAM SINHALA THAI LAO TIBETAN MYANMAR GEORGIAN HANGUL ETHIOPIC KHMER MONGOLIAN HIRAGANA KATAKANA CJK "
    "BOPOMOFO THAANA EXTENDED ARABIC-INDIC FULLWIDTH HALFWIDTH IDEOGRAPHIC SUPERSCRIPT SUBSCRIPT VULGAR FRACTION "
    "CIRCLED MICRO FEMININE MASCULINE KATAKANA-HIRAGANA PARENTHESIZED MODIFIER".split()
)
_UNLIKE_LATIN = frozenset(
    "CJK HIRAGANA KATAKANA HANGUL BOPOMOFO IDEOGRAPHIC KATAKANA-HIRAGANA THAI KHMER TIBETAN MONGOLIAN "
    "SUPERSCRIPT SUBSCRIPT VULGAR FRACTION CIRCLED MICRO FEMININE MASCULINE PARENTHESIZED".split()
)
_LATIN_OF_ITS_OWN = frozenset("ßẞæÆøØœŒđĐðÐþÞłŁħĦŋŊəƏ")
_LOOK_LIKE_LATIN = frozenset(
    "аеорсухѕіїјԁһԛԝӏүꙇбзАВЕКМНОРСТУХЅІЇЈԌҮЗЬӀԚԜѴοανριυγσϲϳɩͺΑΒΕΖΗΙΚΜΝΟΡΤΥΧϹϜͿօոսհցզքղգյլՕՏՍԼՈ"
)
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0\ufffc")
_EAST_ASIAN = frozenset({"CJK", "HIRAGANA", "KATAKANA", "HANGUL"})
_STROKES = frozenset("ノ丿⼃〇一ー")
_OF_ASCII = ("<font>", "<wide>", "<compat>", "<small>", "<narrow>")
_SIGNS_LIKE_ASCII = frozenset("∣∕⁄⧸∖⧵ǃǀ։׃܃܄꞉ː∶‐‑⁃˗−╴ー―ʹʺʻʼʽˈ′‵‚‛ꞌ՚՝⁎∗٭⁓∼˜˷ˆ٪⁒❨❩❲❳〔〕⟮⟯❴❵ꓸꓹ٠۰·٫٬‹›˂˃")


def visible(text: str) -> str:
    """Return the text on one line, with everything that a person could not see written as its code point."""
    shown = escaped(text)
    shown = _SPACES.sub(lambda run: f"⟦U+0020×{len(run[0])}⟧", shown)
    shown = _RUN.sub(lambda run: f"⟦U+{ord(run[1]):04X}×{len(run[0])}⟧", shown)
    return _SAME_ESCAPES.sub(lambda run: f"⟦U+{run[2]}×{len(run[0]) // len(run[1])}⟧", shown)


def escaped(text: str) -> str:
    """Return the text like `visible`, with its runs of spaces and other characters as long as they are."""
    return text if _PLAIN.fullmatch(text) else "".join(_shown_tokens(text))


def block(text: str, *, margin: str = MARGIN, width: int | None = None) -> list[str]:
    """Return the text as lines that all begin with the margin; its own line breaks are kept, long lines are folded.

    A folded line goes on under a margin that ends in `…` instead of a space, so that the text can be told from its
    folding.
    """
    return in_margin([visible(line) for line in text.split("\n")], margin=margin, width=width)


def in_margin(shown: Iterable[str], *, margin: str = MARGIN, width: int | None = None) -> list[str]:
    """Return lines that are visible already as `block` returns them."""
    lines: list[str] = []
    for line in shown:
        pieces = _folded(line, None if width is None else max(10, width - len(margin)))
        lines += [(margin if index == 0 else f"{margin[:-1]}…") + piece for index, piece in enumerate(pieces)]
    return lines


def width_of(shown: str) -> int:
    """Return how many columns of a terminal these visible characters take."""
    return len(shown) if shown.isascii() else sum(map(_columns, shown))


def clipped(text: str, room: int) -> str:
    """Return the text like `visible` in no more than `room` columns; what is left out is counted: `Dear Ada, yo…+212`.

    For lists, where the whole stands elsewhere. Counted are the characters of the text, not of its escapes.
    """
    beyond = max(0, len(text) - _ENOUGH * room)  # of a very long text only the beginning is looked at
    shown = visible(text[: len(text) - beyond])
    if not beyond and width_of(shown) <= room:
        return shown
    whole = [mark[0] for mark in _SIGN.finditer(shown)]
    missing, kept = beyond, width_of(shown)
    while whole and kept + len(f"…+{missing}") > room:
        sign = whole.pop()
        kept -= width_of(sign)
        missing += len(recovered(sign))
    return f"{''.join(whole)}…+{missing}"


def recovered(shown: str) -> str:
    """Return the text that `visible` was given."""
    return _ESCAPE.sub(lambda mark: chr(int(mark[1], 16)) * int(mark[2] or 1), shown)


def recovered_block(lines: Iterable[str], *, margin: str = MARGIN) -> str:
    """Return the text that `block` was given."""
    text = ""
    for index, line in enumerate(lines):
        body = line[len(margin) :]
        text += body if index == 0 or line.startswith(f"{margin[:-1]}…") else f"\n{body}"
    return "\n".join(recovered(line) for line in text.split("\n"))


def _folded(line: str, columns: int | None) -> list[str]:
    """Return the line in pieces that the terminal will not wrap itself: what it wraps has no margin."""
    if columns is None or (line.isascii() and len(line) <= columns):
        return [line]
    pieces, room = [""], columns
    for char in line:
        wide = _columns(char)
        if wide > room:
            whole, space, word = pieces[-1].rpartition(" ")
            if len(word) > len(whole):  # a word as long as the line is broken where the line ends
                whole, space, word = pieces[-1], "", ""
            pieces[-1] = whole + space
            pieces.append(word)
            room = columns - sum(map(_columns, word))
        pieces[-1] += char
        room -= wide
    return pieces


def _columns(char: str) -> int:
    if char.isascii():
        return 1
    return 0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _shown_tokens(text: str) -> Iterator[str]:
    clear = {_script(char) for char in text if char.isalpha() and not _is_letter_alike(char)}
    if clear & _EAST_ASIAN:
        clear.add("FULLWIDTH")  # an ordinary way to write Latin letters there
    for token in _TOKEN.findall(text):
        if _PLAIN.fullmatch(token):
            yield token
        else:
            yield from _shown_token(token, clear)


def _shown_token(token: str, clear: set[str]) -> Iterator[str]:
    has_latin = any(char.isascii() and char.isalpha() for char in token)
    is_address = has_latin and _ADDRESS.search(token) is not None
    foreign = _foreign_places(token, has_latin=has_latin, clear=clear)
    marks, base_is_latin = 0, True
    for index, char in enumerate(token):
        if unicodedata.category(char)[0] == "M":
            marks += 1
            loose = base_is_latin or marks > _MOST_MARKS or unicodedata.combining(char) == 1
            yield _escaped(char) if loose or _is_hidden(char) or unicodedata.category(char) == "Me" else char
            continue
        marks, base_is_latin = 0, char.isascii() or _script(char) == "LATIN"
        odd_sign = _is_inside(token, index) and (_is_sign_like_ascii(char) or (is_address and _is_sign(char)))
        yield _escaped(char) if index in foreign or odd_sign or _is_hidden(char) else char


def _foreign_places(token: str, *, has_latin: bool, clear: set[str]) -> set[int]:
    """Return where letters and digits stand that pass for others in this word."""
    places: set[int] = set()
    for word in _WORD.finditer(token):
        letters = [(word.start() + index, char) for index, char in enumerate(word[0]) if not char.isascii()]
        mixed = len(letters) < len(word[0])
        alike = all(_is_letter_alike(char) for _, char in letters)
        for place, char in letters:
            script = _script(char)
            if script == "LATIN" or (alike and (has_latin or script not in clear)):
                passes = alike and script != "LATIN"
            else:
                passes = mixed and script not in _UNLIKE_LATIN
            if passes:
                places.add(place)
    return places


@lru_cache(maxsize=4096)
def _is_hidden(char: str) -> bool:
    """Return whether the character is never shown as it is."""
    kind = unicodedata.category(char)
    if kind[0] in "CZ":
        return char != " "
    if char in "⟦⟧" or char in _BLANK or "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef":
        return True
    if kind[0] not in "LN":
        return False
    script = _script(char)
    if script == "LATIN":
        return not _is_ordinary_latin(char)
    if script not in _IN_WIDE_USE:
        return not char.isascii()
    return unicodedata.decomposition(char).startswith("<font>")


def _is_ordinary_latin(char: str) -> bool:
    return char.isascii() or char in _LATIN_OF_ITS_OWN or unicodedata.normalize("NFD", char)[0].isascii()


def _is_letter_alike(char: str) -> bool:
    return char in _LOOK_LIKE_LATIN or _script(char) == "FULLWIDTH"


def _is_inside(token: str, index: int) -> bool:
    """Return whether the character stands between those of an address or a word."""
    return 0 < index < len(token) - 1 and all(
        near.isascii() and (near.isalnum() or near in "/@:-_") for near in (token[index - 1], token[index + 1])
    )


def _is_sign(char: str) -> bool:
    return char in _STROKES or (unicodedata.category(char)[0] in "PS" and not char.isascii() and char not in "…€£¥")


@lru_cache(maxsize=4096)
def _is_sign_like_ascii(char: str) -> bool:
    if char.isascii() or char.isalnum():
        return False
    parts = unicodedata.decomposition(char).split()
    return char in _SIGNS_LIKE_ASCII or (len(parts) == 2 and parts[0] in _OF_ASCII and int(parts[1], 16) < 128)  # noqa: PLR2004


@lru_cache(maxsize=4096)
def _script(char: str) -> str:
    """Return the first word of the character's name, which for letters is their script."""
    return unicodedata.name(char, "NONE").split(" ", 1)[0]


def _escaped(char: str) -> str:
    return f"⟦U+{ord(char):04X}⟧"
