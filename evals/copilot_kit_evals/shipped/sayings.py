"""Whether an answer says one of several things: words, numbers however they are written, or a question that names them.

`"late"` is said where a word begins with it, `"42.5"` where this number stands (42.50 and 42,5 too), and `"?city"`
where the text asks something and has a word that begins so.
"""

import re
from typing import Final

from pydantic import JsonValue

from copilot_kit_evals.items import Item
from copilot_kit_evals.scorers.matching import normalised

_NUMBER: Final = re.compile(r"\d+(?:[.,]\d+)*")
_PLAIN: Final = re.compile(r"\d+(?:\.\d+)?")
_CENTS: Final = 2


def is_echo(item: Item, text: str) -> bool:
    """Tell whether a text is nothing but the user's last words again."""
    asked = item.input[-1].text if isinstance(item.input, tuple) else str(item.input)
    return normalised(text) == normalised(asked)


def says(text: str, options: JsonValue) -> bool:
    """Tell whether a text says one of the options; nothing is said without any."""
    return isinstance(options, list) and any(_says(text, str(one)) for one in options)


def _says(text: str, option: str) -> bool:
    if option.startswith("?"):
        return "?" in text and _says(text, option[1:])
    if _PLAIN.fullmatch(option):
        return any(value == float(option) for value in map(_value, _NUMBER.findall(text)))
    return re.search(rf"(?<!\w){re.escape(option)}", text.replace("\u2019", "'"), re.IGNORECASE) is not None


def _value(written: str) -> float | None:
    """Return the number: the last mark is the decimal one if at most two digits follow it, others group digits."""
    whole, mark, rest = written.replace(",", ".").rpartition(".")
    if not mark or len(rest) > _CENTS:
        whole, rest = written.replace(",", "").replace(".", ""), "0"
    try:
        return float(f"{whole.replace('.', '')}.{rest}")
    except ValueError:
        return None
