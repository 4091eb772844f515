"""Instructions whose following can be checked by rule: the 25 kinds of IFEval, and two of our own.

After Zhou et al. 2023, "Instruction-Following Evaluation for Large Language Models" (arXiv:2311.07911), table 1 and
the arguments in its data. Words and sentences are counted by rules of our own, so that a count that lies at the very
limit may differ from theirs: a word is a run of letters and digits (so is theirs), a sentence ends at a mark with space
behind it that is no abbreviation's. Of 3,020 English texts (questions, solutions, prompts) 94 % have as many sentences
by these rules as by theirs (Punkt). Languages are told by another model than theirs.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from copilot_kit_evals.items import BadDataset
from copilot_kit_evals.scorers.languages import language_of

Check: TypeAlias = Callable[[str, Mapping[str, Any]], bool | None]
"""Takes an answer and the instruction's arguments; None: it cannot be told."""

_OPTIONS: Final = ("My answer is yes.", "My answer is no.", "My answer is maybe.")
_WORD: Final = re.compile(r"\w+")
_TOKEN: Final = re.compile(r"\w[\w.&-]*")
_MARK: Final = r"[.!?\u3002\uff01\uff1f\u0964\u06d4]"
_END: Final = re.compile(rf"(?<!{_MARK}){_MARK}++[\"'\u201d\u2019)\]*]*+(?=\s|$)")
_SHORT: Final = frozenset({
    "mr", "mrs", "ms", "dr", "prof", "st", "vs", "mt", "gen", "sen", "rep", "jr", "sr", "e.g", "i.e",
    "jan", "feb", "aug", "sept", "oct", "nov", "dec",
})  # fmt: skip
_INITIAL: Final = re.compile(r"[a-hj-z]")
_DOTTED: Final = re.compile(r"\w(?:\.\w)+|etc")
_BULLET: Final = re.compile(r"^[ \t]*+(?:\*(?!\*)|-)", re.MULTILINE)
_HIGHLIGHT: Final = re.compile(r"\*\*([^\n*]+)\*\*|\*([^\n*]+)\*")
_FENCE: Final = re.compile(r"```(?:json)?", re.IGNORECASE)
_RULE: Final = re.compile(r"\s?\*\*\*\s?")
_POSTSCRIPT: Final = {
    "P.P.S": re.compile(r"p\.\s?p\.\s?s", re.IGNORECASE),
    "P.S.": re.compile(r"(?<!p\.)(?<!p\.\s)p\.\s?s\.", re.IGNORECASE),
}


def follows(instruction: Mapping[str, Any], answer: str) -> bool | None:
    """Tell whether an answer follows an instruction, an object with its `id` and arguments; None: it cannot be told.

    An empty answer follows none. Raises `BadDataset` for an id that is not known, or arguments that are not its own.
    """
    name = str(instruction.get("id"))
    if name not in CHECKS:
        raise BadDataset(
            f"There is no instruction {name!r}. Those that can be checked are {', '.join(sorted(CHECKS))}."
        )
    if not answer.strip():
        return False
    try:
        return CHECKS[name](answer, instruction)
    except (KeyError, TypeError, ValueError) as error:
        raise BadDataset(
            f"The instruction {name!r} has the arguments {dict(instruction)!r}, of which one is missing or wrong "
            f"({error}). Correct the item."
        ) from error


def _compared(count: int, relation: str, limit: int) -> bool:
    match relation:
        case "at least":
            return count >= limit
        case "less than":
            return count < limit
        case _:
            raise ValueError(f"the relation {relation!r} is neither 'at least' nor 'less than'")


def count_sentences(text: str) -> int:
    """Return how many sentences a text has; words after the last mark are one more."""
    count, begun = 0, 0
    for end in _END.finditer(text):
        words = text[begun : end.start()].split()
        last = words[-1].lower() if words else ""
        goes_on = text[end.end() :].lstrip()[:1].islower()
        is_short = last in _SHORT or _INITIAL.fullmatch(last) or (goes_on and _DOTTED.fullmatch(last))
        if words and not (end[0].startswith(".") and is_short):
            count, begun = count + 1, end.end()
    return count + bool(_WORD.search(text, begun))


def _between(text: str, begin: str, end: str) -> Iterator[str]:
    """Yield what stands between two marks on one line; not a pattern, which would take its time over open marks."""
    for line in text.split("\n"):
        at = 0
        while (first := line.find(begin, at)) >= 0 and (last := line.find(end, first + len(begin))) >= 0:
            yield line[first + len(begin) : last]
            at = last + len(end)


def _keywords(answer: str, given: Mapping[str, Any]) -> bool:
    return all(word.lower() in answer.lower() for word in given["keywords"])


def _keyword_count(answer: str, given: Mapping[str, Any]) -> bool:
    return _compared(answer.lower().count(given["keyword"].lower()), given["relation"], given["frequency"])


def _forbidden(answer: str, given: Mapping[str, Any]) -> bool:
    return not any(
        re.search(rf"(?<!\w){re.escape(word)}(?!\w)", answer, re.IGNORECASE) for word in given["forbidden_words"]
    )


def _letter_count(answer: str, given: Mapping[str, Any]) -> bool:
    return _compared(answer.lower().count(given["letter"].lower()), given["let_relation"], given["let_frequency"])


def _language(answer: str, given: Mapping[str, Any]) -> bool | None:
    found = language_of(answer)
    return None if found is None else found == given["language"]


def _sentences(answer: str, given: Mapping[str, Any]) -> bool:
    return _compared(count_sentences(answer), given["relation"], given["num_sentences"])


def _words(answer: str, given: Mapping[str, Any]) -> bool:
    return _compared(len(_WORD.findall(answer)), given["relation"], given["num_words"])


def _paragraphs(answer: str, given: Mapping[str, Any]) -> bool:
    """Paragraphs stand between lines of three stars; an empty one is no fault at either end only."""
    found = _RULE.split(answer)
    inner = found[1:-1] if len(found) > 1 else []
    if any(not one.strip() for one in inner):
        return False
    return sum(bool(one.strip()) for one in found) == int(given["num_paragraphs"])


def _nth_first_word(answer: str, given: Mapping[str, Any]) -> bool:
    """Paragraphs stand between two line breaks here."""
    found = [one for one in re.split(r"\n\n", answer) if one.strip()]
    nth = int(given["nth_paragraph"])
    if len(found) != int(given["num_paragraphs"]) or not 1 <= nth <= len(found):
        return False
    first = _WORD.search(found[nth - 1].split()[0])
    return first is not None and first[0].lower() == str(given["first_word"]).lower()


def _placeholders(answer: str, given: Mapping[str, Any]) -> bool:
    return sum(1 for _ in _between(answer, "[", "]")) >= int(given["num_placeholders"])


def _postscript(answer: str, given: Mapping[str, Any]) -> bool:
    marker = given["postscript_marker"]
    pattern = _POSTSCRIPT.get(marker) or re.compile(re.escape(marker), re.IGNORECASE)
    return pattern.search(answer) is not None


def _bullets(answer: str, given: Mapping[str, Any]) -> bool:
    return len(_BULLET.findall(answer)) == int(given["num_bullets"])


def _constrained(answer: str, given: Mapping[str, Any]) -> bool:  # noqa: ARG001
    return any(option in answer for option in _OPTIONS)


def _highlights(answer: str, given: Mapping[str, Any]) -> bool:
    found = sum(bool((double or single).strip()) for double, single in _HIGHLIGHT.findall(answer))
    return found >= int(given["num_highlights"])


def _sections(answer: str, given: Mapping[str, Any]) -> bool:
    marks = re.findall(rf"{re.escape(given['section_spliter'])}\s?\d+", answer)
    return len(marks) >= int(given["num_sections"])


def _json_only(answer: str, given: Mapping[str, Any]) -> bool:  # noqa: ARG001
    try:
        said = answer.strip()
        opening = _FENCE.match(said)
        json.loads(said[opening.end() :].removesuffix("```") if opening else said)
    except (ValueError, RecursionError):
        return False
    return True


def _title(answer: str, given: Mapping[str, Any]) -> bool:  # noqa: ARG001
    return any(one.strip(" <>") for one in _between(answer, "<<", ">>"))


def _two_responses(answer: str, given: Mapping[str, Any]) -> bool:  # noqa: ARG001
    """Two different answers, six stars between them; nothing but space may stand outside of further stars."""
    found = [one.strip() for one in answer.split("******")]
    said = [one for one in found if one]
    return len(said) == 2 and said[0] != said[1] and all(found[1:-1])  # noqa: PLR2004


def _repeat(answer: str, given: Mapping[str, Any]) -> bool:
    return answer.strip().lower().startswith(str(given["prompt_to_repeat"]).strip().lower())


def _end(answer: str, given: Mapping[str, Any]) -> bool:
    return answer.strip().strip('"').lower().endswith(str(given["end_phrase"]).strip().lower())


def _quotation(answer: str, given: Mapping[str, Any]) -> bool:  # noqa: ARG001
    said = answer.strip()
    return len(said) > 1 and said[0] == said[-1] == '"'


def _capital_words(answer: str, given: Mapping[str, Any]) -> bool:
    count = sum(word.isupper() for word in _TOKEN.findall(answer))
    return _compared(count, given["capital_relation"], given["capital_frequency"])


def _all_capital(answer: str, given: Mapping[str, Any]) -> bool | None:  # noqa: ARG001
    return _english(answer) if answer.isupper() else False


def _all_lower(answer: str, given: Mapping[str, Any]) -> bool | None:  # noqa: ARG001
    return _english(answer) if answer.islower() else False


def _english(answer: str) -> bool | None:
    found = language_of(answer)
    return None if found is None else found == "en"


def _no_comma(answer: str, given: Mapping[str, Any]) -> bool:  # noqa: ARG001
    return "," not in answer


CHECKS: Final[Mapping[str, Check]] = {
    "keywords:existence": _keywords,
    "keywords:frequency": _keyword_count,
    "keywords:forbidden_words": _forbidden,
    "keywords:letter_frequency": _letter_count,
    "language:response_language": _language,
    "length_constraints:number_sentences": _sentences,
    "length_constraints:number_words": _words,
    "length_constraints:number_paragraphs": _paragraphs,
    "length_constraints:nth_paragraph_first_word": _nth_first_word,
    "detectable_content:number_placeholders": _placeholders,
    "detectable_content:postscript": _postscript,
    "detectable_format:number_bullet_lists": _bullets,
    "detectable_format:constrained_response": _constrained,
    "detectable_format:number_highlighted_sections": _highlights,
    "detectable_format:multiple_sections": _sections,
    "detectable_format:json_format": _json_only,
    "detectable_format:title": _title,
    "combination:two_responses": _two_responses,
    "combination:repeat_prompt": _repeat,
    "startend:end_checker": _end,
    "startend:quotation": _quotation,
    "change_case:capital_word_frequency": _capital_words,
    "change_case:english_capital": _all_capital,
    "change_case:english_lowercase": _all_lower,
    "punctuation:no_comma": _no_comma,
    "own:capital_letters": lambda answer, given: answer.isupper(),  # noqa: ARG005
    "own:small_letters": lambda answer, given: answer.islower(),  # noqa: ARG005
}
"""By the ids of the data set; the last two are ours, and do not ask whether the words are English."""
