"""A person's own words in a text of theirs: quoted mail and other pasted text in it is somebody else's."""

import re

_MARKED = re.compile(r"[ \t]*[>|]")
_FORWARDED = re.compile(
    r"[ \t]*(?:-{2,}|_{5,}|begin )[^\n]{0,40}?"
    r"\b(?:original|forwarded|weitergeleitete?|urspr\w+|message transf\w+)\b[^\n]*",
    re.IGNORECASE,
)
_WROTE = re.compile(
    r"[ \t]*(?:on|am|le|el|il)\b[^\n]{3,160}\b(?:wrote|schrieb|écrit|escribió|scritto)\b[^\n]*:[ \t]*", re.IGNORECASE
)
_HEADER = re.compile(
    r"[ \t]*\**(?:(from|von|de|da|van)|to|cc|bcc|subject|sent|date|reply-to|an|betreff|gesendet|datum|objet)\**:",
    re.IGNORECASE,
)
_FENCE = re.compile(r"[ \t]*(```|~~~)")
_OPEN_TAG = re.compile(r"[ \t]*<([A-Za-z][\w-]*)(?:\s[^<>\n]*)?>")
_FEWEST_HEADERS = 2
_MOST_HEADERS = 8


def own_words(text: str) -> str:
    """Return the text with its pasted passages blanked: lines behind `>`, fenced or tagged blocks, mails below.

    What is left stands where it stood. Text that was pasted without any sign of it cannot be told from the rest;
    applications give it as a part of its own, with its source.
    """
    if "\n" not in text and not text.lstrip().startswith(("<", ">", "|")):
        return text
    lines = text.split("\n")
    foreign = _foreign(lines)
    return "\n".join(" " * len(line) if index in foreign else line for index, line in enumerate(lines))


def _foreign(lines: list[str]) -> set[int]:
    """Return which lines are somebody else's."""
    found: set[int] = set()
    closing: re.Pattern[str] | None = None
    for index, line in enumerate(lines):
        if closing is not None:
            found.add(index)
            closing = None if closing.search(line) else closing
        elif _FORWARDED.fullmatch(line) or _WROTE.fullmatch(line) or _is_mail(lines, index):
            return found | set(range(index, len(lines)))
        elif _MARKED.match(line):
            found.add(index)
        elif opening := _FENCE.match(line) or _OPEN_TAG.match(line):
            found.add(index)
            ending = _ending(opening)
            closing = None if ending.search(line, opening.end()) else ending
    return found


def _is_mail(lines: list[str], index: int) -> bool:
    """Tell whether the head of a mail begins here: lines of its fields, one of which says whom it is from."""
    fields = []
    for line in lines[index : index + _MOST_HEADERS]:
        match = _HEADER.match(line)
        if match is None:
            break
        fields.append(match[1])
    return len(fields) >= _FEWEST_HEADERS and any(fields)


def _ending(opening: re.Match[str]) -> re.Pattern[str]:
    """Return what ends a block that so begins."""
    if opening.re is _FENCE:
        return re.compile(re.escape(opening[1]))
    return re.compile(f"</{re.escape(opening[1])}>", re.IGNORECASE)
