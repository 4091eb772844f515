"""Cutting a text file into passages: the pieces that a search ranks and cites, each of whole lines."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

MOST_LINES = 20
MOST_CHARS = 1_200
_ENOUGH_CHARS = 600
"""From here on a blank line ends a passage."""

_HEADING = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))?[ \t]*#*[ \t]*$")
_UNDERLINE = re.compile(r" {0,3}(=+|-{2,})[ \t]*$")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_MARKS = frozenset("#=-`~")
_MARKDOWN = (".md", ".markdown", ".mdx", ".mkd", ".qmd", ".rmd")


@dataclass(frozen=True, slots=True)
class Passage:
    """Neighbouring lines of a file."""

    first: int
    """Number of its first line, from 1."""
    last: int
    headings: str
    """Those that it stands under, the outermost first."""
    text: str


def lines_of(text: str) -> list[str]:
    """Return the lines as editors count them: only a newline ends one, and the last newline begins none."""
    lines = text.split("\n")
    return lines if lines[-1] else lines[:-1]


def passages_of(path: str, text: str) -> Iterator[Passage]:
    """Yield the passages that hold every line that is not blank, once each; headings are known in Markdown only."""
    lines = lines_of(text)
    headings = _headings(lines) if path.lower().endswith(_MARKDOWN) else {}
    above: dict[int, str] = {}
    start = length = 0
    for number, line in enumerate(lines):
        heading = headings.get(number)
        full = number - start >= MOST_LINES or length + len(line) > MOST_CHARS
        if number > start and (heading or full or (length >= _ENOUGH_CHARS and not line.strip())):
            yield from _passage(lines, start, number, above)
            start, length = number, 0
        if heading:
            level, words = heading
            above = {each: text for each, text in above.items() if each < level} | {level: words}
        length += len(line) + 1
    yield from _passage(lines, start, len(lines), above)


def _passage(lines: list[str], start: int, end: int, above: dict[int, str]) -> Iterator[Passage]:
    """Yield the lines from `start` up to `end` without blank ones at either end, if anything is left."""
    while start < end and not lines[start].strip():
        start += 1
    while end > start and not lines[end - 1].strip():
        end -= 1
    if start < end:
        yield Passage(start + 1, end, " / ".join(above.values()), "\n".join(lines[start:end]))


def _headings(lines: list[str]) -> dict[int, tuple[int, str]]:
    """Return level and words of the headings, by the index of the line that each begins on; none inside of fences."""
    found: dict[int, tuple[int, str]] = {}
    fence = ""
    for number, line in enumerate(lines):
        if line.lstrip(" ")[:1] not in _MARKS:
            continue
        mark = _FENCE.match(line)
        if fence:
            if mark and mark[1].startswith(fence) and not line.strip().strip(fence[0]):
                fence = ""
        elif mark:
            fence = mark[1]
        elif heading := _HEADING.match(line):
            found[number] = (len(heading[1]), heading[2] or "")
        elif (under := _UNDERLINE.match(line)) and number and _may_be_title(lines, number - 1, found):
            found[number - 1] = (1 if under[1][0] == "=" else 2, lines[number - 1].strip())
    return found


def _may_be_title(lines: list[str], number: int, found: dict[int, tuple[int, str]]) -> bool:
    """Return whether the line may be a title that the next one underlines: words of its own, after a blank line."""
    words = lines[number].strip()
    begins = number == 0 or not lines[number - 1].strip()
    return bool(words) and begins and number not in found and words[0] not in "-*+>|=`~"
