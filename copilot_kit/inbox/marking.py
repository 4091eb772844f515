"""Text of unknown origin as HTML: escaped, and every character that a person could not see shown as a marked name.

`finalize` of the templates passes whatever they print through `display.visible`, so that forgetting a filter shows
marks instead of raw characters. The filters here are for where more is wanted: `marked` sets the marks off, `field`
gives a form the text as it is.
"""

import json
import re
import unicodedata
from pathlib import Path

import jinja2
from markupsafe import Markup, escape

from copilot_kit.display import visible
from copilot_kit.inbox import times
from copilot_kit.inbox.incoming import segment

_MARK = re.compile(r"⟦U\+([0-9A-F]{4,6})(?:×(\d+))?⟧")  # noqa: RUF001
_EDITABLE = re.compile(r"[\t\n]")


def environment(folder: Path) -> jinja2.Environment:
    """Return what renders the templates of a folder; they may extend `inbox/frame.html`."""
    here = jinja2.FileSystemLoader(Path(__file__).parent / "templates")
    found = jinja2.Environment(
        loader=jinja2.ChoiceLoader([jinja2.FileSystemLoader(folder), jinja2.PrefixLoader({"inbox": here})]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {
        "marked": marked, "segment": segment, "ago": times.ago, "stamp": times.stamp, "iso": times.iso,
    }  # fmt: skip
    return found


def shown(value: object) -> object:
    """Return what a template prints for a value: text on one line with nothing hidden, anything else as it is."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def marked(text: str) -> Markup:
    """Return the text on one line as HTML, each odd character as `<mark>` with its name."""
    return set_off(visible(text))


def set_off(line: str) -> Markup:
    """Return a line that is made visible already as HTML, with its marks set off."""
    parts: list[str] = []
    end = 0
    for found in _MARK.finditer(line):
        parts += [escape(line[end : found.start()]), _mark(found)]
        end = found.end()
    return Markup("").join([*parts, escape(line[end:])])


def field(text: str) -> Markup:
    """Return the text as it is, escaped for a textarea; the line break that HTML drops is put before it."""
    return Markup("\n") + escape(text)


def is_plain(text: str) -> bool:
    """Tell whether a person sees the text as it is, line breaks and tabs aside, and a form gives it back unchanged."""
    return all(visible(line) == line for line in _EDITABLE.split(text))


def json_shown(value: object) -> str:
    """Return the value as JSON for a person to edit; what they could not see is written as its code point."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    return text if is_plain(text) else json.dumps(value, indent=2)


def _mark(found: re.Match[str]) -> Markup:
    char = chr(int(found[1], 16))
    name = unicodedata.name(char, "unnamed character").lower()
    return Markup('<mark class="odd" title="{}">{}</mark>').format(name, found[0])
