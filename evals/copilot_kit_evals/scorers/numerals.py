"""Numbers as people write them in English, German and Chinese, as exact fractions.

Read are digits with thousands apart (`1,234.5`, `1.234,5`, `1'234`, `12,34,567`, narrow and unbroken spaces),
full-width digits, signs of money around them, fractions (`3/4`, `1 1/2`), powers of ten (`1e3`), percent (50 % is 50)
and Chinese numerals (`三百二十`, `3万`; `一` in words such as `一起` is none). Where there are two ways to read one,
the language decides: `1.500` is 1500 in German and 1.5 in English; `1,500` is 1500 in both, since whole thousands are
what people answer with. No words (`twelve`), no roman numerals, no hexadecimals.
"""

import re
import unicodedata
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Final, Literal, TypeAlias

Language: TypeAlias = Literal["en", "de", "zh"]

_LONGEST: Final = 400
"""Characters of a number; nobody answers with a longer one, and arithmetic with them takes its time."""
_SPACE: Final = "\u00a0\u2009\u202f"
_GROUPED: Final = rf"\d{{1,3}}(?:[{_SPACE}']\d{{3}})+(?!\d)"
_PLAIN: Final = r"\d+(?:[.,]\d+)*"
_HAN: Final = "零\u3007一二两兩三四五六七八九十百千万萬亿億点點"
_NUMBER: Final = re.compile(
    rf"(?P<sign>(?<![\w)\]])[-\u2212\uff0d]\s?)?[$€£¥]?\s?(?:"
    rf"(?P<whole>\d+)\s(?P<top2>\d+)\s?[/\u2044]\s?(?P<under2>\d+)"
    rf"|(?P<top>\d+)\s?[/\u2044]\s?(?P<under>\d+)(?![\d/])"
    rf"|(?P<digits>{_GROUPED}(?:[.,]\d+)?|{_PLAIN}|\.\d+)(?P<power>[eE][-+]?\d{{1,3}}(?!\w))?(?P<unit>[万萬亿億百千]{{0,3}})"
    rf"|(?P<han>(?!一[起共样些般直定半旦])[{_HAN}]{{1,40}}))"
)
_DIGITS: Final = {one: place % 10 for place, one in enumerate("零一二三四五六七八九")} | {"\u3007": 0, "两": 2, "兩": 2}
_TENS: Final = {"十": 10, "百": 100, "千": 1000}
_MYRIADS: Final = {"万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8}


def numbers_of(text: str, *, language: Language = "en") -> Iterator[Fraction]:
    """Yield the numbers of a text in order, exactly as written."""
    for found in _NUMBER.finditer(_narrow(text)):
        value = _value(found, language) if len(found[0]) <= _LONGEST else None
        if value is not None:
            yield -value if found["sign"] else value


def _narrow(text: str) -> str:
    """Return the text with full-width digits and signs as usual ones; other letters stay as they are."""
    return "".join(
        unicodedata.normalize("NFKC", one) if "\uff01" <= one <= "\uff5e" else one for one in text
    )  # not the whole text: that would make ½ a 1 and a 2


def _value(found: re.Match[str], language: Language) -> Fraction | None:
    if found["whole"] is not None:
        return _ratio(found["top2"], found["under2"], int(found["whole"]))
    if found["top"] is not None:
        return _ratio(found["top"], found["under"])
    if found["han"] is not None:
        return chinese(found["han"])
    value = _decimal(found["digits"], language)
    if found["power"]:
        value *= Fraction(Decimal(f"1{found['power']}"))
    for unit in found["unit"]:
        value *= _TENS.get(unit) or _MYRIADS[unit]
    return value


def _ratio(top: str, under: str, whole: int = 0) -> Fraction | None:
    return None if int(under) == 0 else whole + Fraction(int(top), int(under))


def _decimal(written: str, language: Language) -> Fraction:
    """Return what digits with points and commas mean in a language."""
    digits = re.sub(rf"[{_SPACE}']", "", written)
    point = "," if language == "de" else "."
    other = "." if language == "de" else ","
    if "." in digits and "," in digits:
        point = max(".,", key=digits.rfind)  # whichever stands last parts the decimals
        other = "," if point == "." else "."
    groups = digits.split(other)
    if len(groups) > 1 and point not in digits and not all(len(one) == 3 for one in groups[1:]):  # noqa: PLR2004
        indian = len(groups[-1]) == 3 and all(len(one) == 2 for one in groups[1:-1])  # noqa: PLR2004
        if not indian:
            point, other = other, point  # `2,5` in English, `2.5` in German
    if digits.count(point) > 1 or (point == "," and re.fullmatch(r"[1-9]\d{0,2},\d{3}", digits)):
        return Fraction(re.sub(r"[.,]", "", digits))
    whole, _, decimals = digits.replace(other, "").partition(point)
    return Fraction(f"{whole or 0}.{decimals or 0}")


def chinese(written: str) -> Fraction | None:
    """Return the value of a Chinese numeral; None where it is none, such as a unit alone in other words."""
    whole, _, decimals = re.sub("點", "点", written).partition("点")
    if (whole and whole[0] in _MYRIADS) or whole in {"", "百", "千"}:
        return None
    if all(one in _DIGITS for one in whole):
        value = int("".join(str(_DIGITS[one]) for one in whole))
    else:
        value = _chinese_whole(whole)
    if any(one not in _DIGITS for one in decimals):
        return None
    after = "".join(str(_DIGITS[one]) for one in decimals)
    return value + Fraction(int(after or 0), 10 ** len(after))


def _chinese_whole(written: str) -> int:
    total, section, digit = 0, 0, 0
    for one in written:
        if one in _DIGITS:
            digit = _DIGITS[one]
        elif one in _TENS:
            section += (digit or 1) * _TENS[one]
            digit = 0
        else:
            total = (total + section + digit) * _MYRIADS[one]
            section = digit = 0
    return total + section + digit
