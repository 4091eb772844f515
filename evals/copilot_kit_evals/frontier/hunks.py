"""What an edit changed of a text, by lines: enough to undo it, or do it again, in a text that people edited since."""

from collections.abc import Sequence
from difflib import SequenceMatcher
from hashlib import sha256
from typing import Final

from copilot_kit.messages import Record

MARK: Final = "\ufeff"
"""A byte order mark, as editors on Windows begin a file with."""
_CONTEXT: Final = 3


class Hunk(Record):
    """Lines in the place of others."""

    line: int
    """Of the first one, in the text before; from 0."""
    above: str
    """Up to three lines that stay as they are, as are those below."""
    was: str
    now: str
    below: str


class Edit(Record):
    """What a text was turned into."""

    before: str
    """SHA-256 of the text before."""
    after: str
    hunks: tuple[Hunk, ...]

    @classmethod
    def of(cls, before: str, after: str) -> "Edit":
        """Return what turns one text into the other."""
        old, new = lines_of(before), lines_of(after)
        blocks = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
        found = []
        for n, (tag, start, end, its_start, its_end) in enumerate(blocks):
            if tag == "equal":
                continue
            _, above, _, _, _ = blocks[n - 1] if n else blocks[0]
            _, _, below, _, _ = blocks[n + 1] if n + 1 < len(blocks) else blocks[-1]
            found.append(Hunk(line=start, above="".join(old[max(above, start - _CONTEXT):start]),
                              was="".join(old[start:end]), now="".join(new[its_start:its_end]),
                              below="".join(old[end:min(below, end + _CONTEXT)])))  # fmt: skip
        return cls(before=_digest(before), after=_digest(after), hunks=tuple(found))

    @property
    def undone(self) -> "Edit":
        """The edit that takes this one back."""
        hunks, moved = [], 0
        for one in self.hunks:
            back = {"line": one.line + moved, "was": one.now, "now": one.was}
            hunks.append(one.model_copy(update=back))
            moved += len(lines_of(one.now)) - len(lines_of(one.was))
        return Edit(before=self.after, after=self.before, hunks=tuple(hunks))

    def made_in(self, text: str) -> str:
        """Return the text with the edit made: exactly where it is the text before, and else wherever its lines are."""
        if _digest(text) == self.before:
            made = _exactly(lines_of(text), self.hunks)
            if _digest(made) == self.after:
                return made
        lines = lines_of(text.removeprefix(MARK))
        ends = {_end(one) for one in lines} - {""}
        alike = ends.pop() if len(ends) == 1 else None
        for one in reversed(self.hunks):
            _replace(lines, one, ends=alike)
        return _mark_of(text) + "".join(lines)


def lines_of(text: str) -> list[str]:
    """Return the lines of a text, each with its end."""
    lines = [f"{one}\n" for one in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def plain(text: str) -> str:
    """Return the text without a byte order mark and with plain ends of lines, as it is edited."""
    return text.removeprefix(MARK).replace("\r\n", "\n")


def as_written(edited: str, text: str) -> str:
    """Return an edited plain text with the mark and the ends of lines of the text that it was."""
    lines, new = lines_of(text.removeprefix(MARK)), lines_of(edited)
    old = [plain(one) for one in lines]
    made: list[str] = []
    for tag, start, end, its_start, its_end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            made += lines[start:end]
        else:
            beside = lines[start:end] or lines[:start] or lines
            ends = [_end(one) for one in beside if _end(one)] or ["\n"]
            made += [one.replace("\n", ends[-1]) for one in new[its_start:its_end]]
    return _mark_of(text) + "".join(made)


def _end(line: str) -> str:
    return "\r\n" if line.endswith("\r\n") else line[-1:] if line.endswith("\n") else ""


def _mark_of(text: str) -> str:
    return MARK if text.startswith(MARK) else ""


def _exactly(lines: list[str], hunks: Sequence[Hunk]) -> str:
    for one in reversed(hunks):
        lines[one.line : one.line + len(lines_of(one.was))] = lines_of(one.now)
    return "".join(lines)


def _replace(lines: list[str], hunk: Hunk, *, ends: str | None) -> None:
    """Replace the hunk's lines where they are: at the place that has most around it alike, the nearest one of several.

    With nothing around it alike, only lines that are there once: else it is not known which place is meant.
    ends: of lines; None: as the hunk has them.
    """
    above, was, below = (_bare(lines_of(plain(one))) for one in (hunk.above, hunk.was, hunk.below))
    there = _bare(lines)
    places = [at for at in range(len(there) - len(was) + 1) if there[at : at + len(was)] == was]
    found = [
        (_alike(there[:at][::-1], above[::-1]) + _alike(there[at + len(was) :], below), -abs(at - hunk.line), at)
        for at in places
    ]
    around, _, at = max(found, default=(0, 0, 0))
    if around or len(places) == 1:
        now = hunk.now.removeprefix(MARK)
        new = lines_of(now if ends is None else plain(now).replace("\n", ends))
        behind = at + len(was)
        if new and not was and at == len(lines) > 0 and not _end(lines[-1]):
            lines[-1] += ends or _end(new[0])
        if new and was and bool(_end(lines[behind - 1])) != bool(_end(hunk.was)):
            new[-1] = _bare(new)[-1] + _end(lines[behind - 1])
        elif new and not _end(new[-1]) and "".join(there[behind : behind + 1]):  # somebody wrote on behind the end
            new[-1] += ends or _end(lines[behind - 1])
        lines[at:behind] = new


def _bare(lines: Sequence[str]) -> list[str]:
    """Return the lines without their ends: the last one of a text may have none, until somebody writes on."""
    return [one.removesuffix(_end(one)) for one in lines]


def _alike(lines: Sequence[str], others: Sequence[str]) -> int:
    """Return how many lines at the beginning are the same."""
    return next((n for n, (one, other) in enumerate(zip(lines, others, strict=False)) if one != other),
                min(len(lines), len(others)))  # fmt: skip


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
