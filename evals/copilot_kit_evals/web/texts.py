"""What models wrote, line by line for a page: nothing is hidden, and nothing is interpreted.

Templates pass whatever they print through `copilot_kit.inbox.marking`. Here what looks alike is written alike first:
variation selectors behind a picture, spaces and hyphens that only forbid a break. A reader has nothing of their marks,
and a rater would be led by them.
"""

import re

from markupsafe import Markup

from copilot_kit.inbox.marking import marked

_PICTURE = re.compile("(?<=[\u0023\u002a0-9\u00a9\u00ae\u203c\u2049\u2100-\u2bff\u3030\u303d\u3297\u3299"
                      "\U0001f000-\U0001faff])\ufe0f")  # fmt: skip
_ALIKE = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u2011": "-"})


def lines(text: str) -> Markup:
    """Return a text of several lines as HTML, each odd character as `<mark>` with its name."""
    plain = _PICTURE.sub("", text.replace("\r\n", "\n")).translate(_ALIKE)
    bare = (line.expandtabs(4).rstrip(" ") for line in plain.split("\n"))  # spaces at an end stand for nothing
    return Markup("\n").join(Markup('<span class="line">{}</span>').format(marked(line)) for line in bare)


def figure(value: float | None, *, signed: bool = False, digits: int = 3) -> str:
    """Return a number for people; a dash where there is none."""
    if value is None:
        return "\u2013"
    text = f"{value:+.{digits}f}" if signed else f"{value:.{digits}f}"
    return text.replace("-", "\u2212")


def money(value: float | None) -> str:
    """Return an amount of dollars."""
    if not value:
        return "\u2013"
    return f"${value:,.2f}" if value >= 1 else f"${value:.4f}"


def seconds(value: float) -> str:
    """Return a span of time."""
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s" if value < 100 else f"{value / 60:.1f} min"  # noqa: PLR2004
