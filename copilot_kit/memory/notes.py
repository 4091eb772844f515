"""What a correction says, as a heading, as lines for a person, and as the note that a model will read.

What others wrote stands in quotes, shortened, and escaped as `copilot_kit.display` does: no value can begin a line of
the note or look like one of its own.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable
from typing import Final

from pydantic import JsonValue

from copilot_kit.display import clipped, visible
from copilot_kit.memory.edits import Change, spelt
from copilot_kit.memory.patterns import Case, Correction

QUOTED: Final = 80
"""Columns of a quotation; of what is longer the rest is counted."""
_MOST_ALSO: Final = 3
_NAME: Final = 60
_QUOTATION = re.compile(r'"[^"\n]*"')


def heading(one: Correction) -> str:
    """Return what it says in one line."""
    tool = _named(one.tool)
    if one.change is not None:
        return f"{tool}: {_rule(one.change, one.cases[-1])}"
    if one.kind == "rejected":
        return f"{tool} is rejected: {quoted(one.cases[-1].said)}"
    return f"{tool} is answered by people: {quoted(one.cases[-1].said)}"


def evidence(one: Correction) -> str:
    """Return how often it was so, out of how many calls, and by whom."""
    count = len(one.cases)
    people = ", ".join(
        f"{clipped(name, _NAME)} ({times})" for name, times in Counter(case.by for case in one.cases).most_common()
    )
    done = {"edited": "changed so", "rejected": "rejected for this", "answered": "answered so"}[one.kind]
    stood = (
        f"; {one.against:,} such {'call was' if one.against == 1 else 'calls were'} let stand" if one.against else ""
    )
    first, last = (one.cases[place].at.date().isoformat() for place in (0, -1))
    when = first if first == last else f"{first} to {last}"
    return f"{count:,} of {one.judged:,} calls that people judged were {done}{stood}: {people}, {when}"


def citations(one: Correction) -> list[str]:
    """Return a line for each decision, newest first: when, who, what, and its run and proposal."""
    return [_citation(one, case) for case in reversed(one.cases)]


def pinned(one: Correction, *, by: str, on: str) -> str:
    """Return the note that every window holds, in Markdown: what it is, how often it was so, and where the rest is."""
    others = dict.fromkeys(quoted(case.said) for case in reversed(one.cases) if one.change is None)
    also = [words for words in others if words not in heading(one)][:_MOST_ALSO]
    words = f" Also: {', '.join(also)}." if also else ""
    return (
        f"## {heading(one)}\n\n{evidence(one)}.{words} Confirmed by {clipped(by, _NAME)} on {on}. "
        f"The decisions: /memories/{path(one.id)}\n"
    )


def record(one: Correction, *, by: str, on: str) -> str:
    """Return the note with all its decisions."""
    confirmed = f"{evidence(one)}. Confirmed by {clipped(by, _NAME)} on {on} ({one.id})."
    return "\n".join([f"# {heading(one)}", "", confirmed, "", *(f"- {line}" for line in citations(one)), ""])


def path(correction_id: str) -> str:
    """Return where the decisions of an accepted correction are kept."""
    return f"corrections/{correction_id}.md"


def without_runs(text: str, run_ids: Iterable[str]) -> str:
    """Return a note without the decisions of these runs, nor words that only they had said; empty: none is left.

    Takes what `record` gives; `without_words` does the same to what `pinned` gives.
    """
    marks = [f"({visible(run_id)} " for run_id in run_ids]
    lines = text.split("\n")
    kept = [line for line in lines if not (line.startswith("- ") and any(mark in line for mark in marks))]
    cited = [line for line in kept if line.startswith("- ")]
    return "\n".join(line if line.startswith("- ") else without_words(line, cited) for line in kept) if cited else ""


def without_words(text: str, cited: Iterable[str]) -> str:
    """Return a text with those of its quotations blanked that none of these citations holds."""
    left = "\n".join(cited)
    return _QUOTATION.sub(lambda quotation: quotation[0] if quotation[0] in left else '"(erased)"', text)


def quoted(value: JsonValue) -> str:
    """Return a value in quotes, on one line, shortened and escaped."""
    text = " ".join(value.split()) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    short = clipped(text, QUOTED).replace("`", "'").replace('"', "'")
    return f'"{short}"'


def _rule(change: Change, newest: Case) -> str:
    """Return what is to be done, in the spelling of the newest case."""
    at = _named(".".join(change.place))
    before, after = (_spelling(change, value, words) for value, words in
                     ((newest.before, change.before), (newest.after, change.after)))  # fmt: skip
    match change.form:
        case "removed":
            return f"leave {at} empty"
        case "given":
            return f"give {at}: {after}"
        case "set":
            return f"{at} is {after}"
        case "replaced":
            return f"{at} is {after}, not {before}"
        case "at_most":
            return f"{at} is at most {after}"
        case "at_least":
            return f"{at} is at least {after}"
        case "item_removed":
            return f"no {before} in {at}"
        case "item_added":
            return f"{after} in {at}"
        case "words_replaced":
            return f"in {at} write {after}, not {before}"
        case "words_removed":
            return f"do not write {before} in {at}"
        case "words_added":
            return f"write {after} in {at}"


def _spelling(change: Change, value: JsonValue, words: str) -> str:
    """Return the value that a change names, or its words as the text has them."""
    if not words:
        return quoted("")
    if not change.is_of_words:
        return quoted(json.loads(words))
    return quoted(spelt(value, words) if isinstance(value, str) else words)


def _citation(one: Correction, case: Case) -> str:
    by = clipped(case.by, _NAME)
    said = quoted(case.said) if one.change is None else _step(one.change, case)
    where = f"({visible(case.run_id)} {visible(case.proposal_id)})"
    return f"{case.at.date().isoformat()} {by}: {said} {where}"


def _step(change: Change, case: Case) -> str:
    """Return what one person changed."""
    if not change.is_of_words:
        return f"{quoted(case.before)} → {quoted(case.after)}"
    gone, come = _spelling(change, case.before, change.before), _spelling(change, case.after, change.after)
    return come if not change.before else gone if not change.after else f"{gone} → {come}"


def _named(name: str) -> str:
    return f"`{clipped(name, _NAME).replace('`', chr(39))}`"
