"""Signs that a candidate is wired wrongly, looked for before it is called worse.

A wrong adapter fails alike everywhere: the tools never arrive, each answer is cut at one length, the last message is
lost and every item gets one answer. A weaker model fails here and there. Each sign below compares habits of the two
sides in one task, wants many attempts of a kind and a gap to the incumbent, and is a suspicion and no proof: in the
place of hold the verdict is then invalid, with where to look.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final, TypeAlias

from copilot_kit_evals.stats.arrays import NotUsable
from copilot_kit_evals.tasks import Rule
from copilot_kit_evals.verdict.evidence import Evidence, Side
from copilot_kit_evals.verdict.habits import Reply
from copilot_kit_evals.verdict.line import below_line
from copilot_kit_evals.verdict.verdicts import Finding
from copilot_kit_evals.verdict.words import listed, share

_FEWEST: Final = 8
"""Attempts of a task below which habits say nothing."""
_MANY: Final = 20
"""A model that is right in a seventh of all cases is right in one of so many, with 95 % confidence."""
_GAP: Final = 0.3
"""How much more often something happens than to the incumbent, to be a sign."""
_MOST: Final = 0.6
"""Share from which on something happens nearly always."""
_RARE: Final = 0.05
_LESS: Final = 0.6
"""Of the incumbent's tokens for the same requests: tokenizers differ by less."""
_TOKENS: Final = 15
_CHARS: Final = 0.5
"""Characters for each token that was written: words have three or more."""
_GOOD: Final = 0.6
_TWICE: Final = 2
_SAMPLING: Final = frozenset({"temperature", "top_p", "top_k", "seed", "frequency_penalty", "presence_penalty"})
"""Settings that many models refuse, and that do not make one worse."""

Replies: TypeAlias = Sequence[Reply]


@dataclass(frozen=True, slots=True)
class Sign:
    """One suspicion."""

    text: str
    items: tuple[str, ...] = ()


def wiring(evidence: Evidence, rule: Rule) -> list[Finding]:
    """Return a finding for each sign, by task; nothing where nothing is odd or the log has no answers."""
    new, old = evidence.candidate, evidence.incumbent
    found = [Finding(name="wiring", state="fail", text=sign.text, items=sign.items)
             for sign in (*_served(new, old), *_off_trend(new, rule))]  # fmt: skip
    before = {} if old is None else old.habits.by_task()
    for task, replies in new.habits.by_task().items():
        if len(replies) < _FEWEST:
            continue
        for look in _LOOKS if task in before else _ALONE:
            found += [Finding(name="wiring", slice=task, state="fail", text=f"{sign.text} (task {task!r})",
                              items=sign.items) for sign in look(replies, before.get(task, []))]  # fmt: skip
    left = sorted({name for one in new.habits.replies for name in one.dropped} & _SAMPLING)
    if left:
        text = f"its adapter did not send {listed([repr(name) for name in left])}: the model does not take it"
        found.append(Finding(name="wiring", state="note", text=text, figures={"dropped": [*left]}))
    return found


def _share(replies: Replies, happens: Callable[[Reply], bool]) -> float:
    return sum(map(happens, replies)) / len(replies) if replies else 0.0


def _more(new: Replies, old: Replies, happens: Callable[[Reply], bool], what: str) -> Iterable[Sign]:
    """Yield a sign if something happens far more often than to the incumbent."""
    mine, theirs = _share(new, happens), _share(old, happens)
    if mine - theirs >= _GAP:
        other = f", and {share(theirs)} of the incumbent's" if old else ""
        yield Sign(f"{share(round(mine, 3))} of its answers {what}{other}", _items(filter(happens, new)))


def _items(replies: Iterable[Reply]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(reply.item for reply in replies))


def _truncated(new: Replies, old: Replies) -> Iterable[Sign]:
    yield from _more(new, old, lambda one: one.stop == "length", "are cut at a limit of tokens")


def _unparsed(new: Replies, old: Replies) -> Iterable[Sign]:
    yield from _more(new, old, lambda one: one.unparsed, "hold nothing that the scorer can read")


def _refused(new: Replies, old: Replies) -> Iterable[Sign]:
    yield from _more(new, old, lambda one: one.outcome == "refusal", "are refusals, by it or its provider")


def _rejected(new: Replies, old: Replies) -> Iterable[Sign]:
    def rejected(one: Reply) -> bool:
        return one.outcome == "model_failure"

    kinds = sorted({one.trouble for one in new if rejected(one) and one.trouble is not None})
    yield from _more(
        new, old, rejected, f"are failures before any answer ({listed(kinds)}): requests, schemas of tools"
    )


def _empty(new: Replies, old: Replies) -> Iterable[Sign]:
    def empty(one: Reply) -> bool:
        return one.text is not None and not one.text.strip() and not one.called and one.outcome != "refusal"

    yield from _more(new, old, empty, "are empty: is the answer read from the right field?")


def _dropped(new: Replies, old: Replies) -> Iterable[Sign]:
    names = {name for one in new for name in one.dropped} - _SAMPLING
    for name in sorted(names):
        yield from _more(new, old, lambda one, name=name: name in one.dropped,  # type: ignore[misc]
                         f"came without {name!r}, which its adapter could not send")  # fmt: skip


def _same_answers(new: Replies, old: Replies) -> Iterable[Sign]:
    """Find one answer to all items, where the incumbent has one for each."""
    mine, theirs = _answers(new), _answers(old)
    if len(mine) < _FEWEST or len(theirs) < _FEWEST or len(set(theirs.values())) < _GOOD * len(theirs):
        return
    counts = [list(mine.values()).count(text) for text in set(mine.values())]
    if max(counts) >= _MOST * len(mine):
        yield Sign(f"{max(counts)} of {len(mine)} items got the very same answer: does the item's message arrive?")


def _answers(replies: Replies) -> dict[str, str]:
    """Return the first answer to each item, words and calls."""
    found: dict[str, str] = {}
    for one in replies:
        if one.text is not None and (one.text.strip() or one.called):
            found.setdefault(one.item, " ".join([one.text.strip(), *one.called]))
    return {item: text for item, text in found.items() if text}


def _cut_at_one_length(new: Replies, old: Replies) -> Iterable[Sign]:
    """Find answers that all end at one number of tokens, though nobody says so."""
    mine, theirs = ([one.tokens_out for one in each if one.tokens_out] for each in (new, old))
    if len(mine) < _FEWEST or len(theirs) < _FEWEST or any(one.stop == "length" for one in new):
        return
    most, usual = max(mine), max(theirs.count(out) for out in theirs)
    if usual > _GAP * len(theirs):  # answers are alike by nature
        return
    if mine.count(most) >= _MOST * len(mine) and sum(out > most for out in theirs) >= _GAP * len(theirs):
        yield Sign(f"no answer is longer than {most} tokens, and {mine.count(most)} of {len(mine)} are just as long: "
                   "is there a limit, or a stop sequence?")  # fmt: skip


def _without_tools(new: Replies, old: Replies) -> Iterable[Sign]:
    """Find tools that are never called, or called by names that the incumbent does not know."""
    if _share(old, lambda one: bool(one.called)) < _GOOD:
        return
    if _share(new, lambda one: bool(one.called)) <= _RARE:
        yield Sign("it calls no tool, where the incumbent does: do the tools arrive?")
        return
    known, named = ({name for one in each for name in one.called} for each in (old, new))
    strange = _share([one for one in new if one.called], lambda one: not known & set(one.called))
    if strange >= _MOST:
        yield Sign(f"it calls {listed(sorted(named))} where the incumbent calls {listed(sorted(known))}: "
                   "do the tools arrive by their names?")  # fmt: skip


def _garbled(new: Replies, old: Replies) -> Iterable[Sign]:
    yield from _more(new, old, lambda one: one.garbled, "call tools with no arguments that can be read: are they lost, "
                     "cut, or encoded twice?")  # fmt: skip


def _asks_again(new: Replies, old: Replies) -> Iterable[Sign]:
    """Find calls that are made again when their results are there, which a weaker model does here and there."""
    again = _share(new, lambda one: one.asks_again)
    if again >= _MOST and _share(old, lambda one: one.asks_again) <= _RARE:
        yield Sign(f"in {share(round(again, 3))} of its attempts it makes a call again when it was told what came "
                   "of it: do the results of tools arrive?", _items(one for one in new if one.asks_again))  # fmt: skip


def _is_told_the_same(new: Replies, old: Replies) -> bool:
    """Tell whether requests ought to be as long: other instructions, or an overlay of one side, are not."""
    return {one.told for one in new} == {one.told for one in old}


def _short_requests(new: Replies, old: Replies) -> Iterable[Sign]:
    """Find requests that are much shorter, or all of one length, though the same was asked."""
    pairs = _paired(new, old)
    if len(pairs) < _FEWEST:
        return
    ratio, gap = median(a / b for a, b in pairs), median(b - a for a, b in pairs)
    if ratio < _LESS and gap >= _TOKENS and _is_told_the_same(new, old):
        yield Sign(f"it reads {ratio:.2g} times the incumbent's tokens for the same requests: does all of it arrive, "
                   "the system prompt and the tools too?")  # fmt: skip
    elif len({a for a, _ in pairs}) == 1 and len({b for _, b in pairs}) > _TWICE:
        yield Sign("each of its requests has the same number of tokens: does the item's message arrive?")


def _paired(new: Replies, old: Replies) -> list[tuple[int, int]]:
    """Return the tokens that both read at an item, of the first attempt each."""
    mine, theirs = ({one.item: one.tokens_in for one in reversed(each) if one.tokens_in} for each in (new, old))
    return [(mine[item] or 0, theirs[item] or 0) for item in mine if item in theirs]


def _constant_shortage(new: Replies, old: Replies) -> Iterable[Sign]:
    """Find requests that lack about the same number of tokens each, however long they are: a part that is left out.

    Another tokenizer makes requests longer or shorter by a factor. Of the two, what explains the lengths better counts.
    """
    pairs = _paired(new, old)
    if len(pairs) < _FEWEST or len({b for _, b in pairs}) <= _TWICE or not _is_told_the_same(new, old):
        return
    gaps, ratios = [b - a for a, b in pairs], [a / b for a, b in pairs]
    gap, ratio = median(gaps), median(ratios)
    by_gap = sum(abs(b - a - gap) for a, b in pairs)
    by_ratio = sum(abs(a - ratio * b) for a, b in pairs)
    if gap >= _TOKENS and ratio < 1 - _GAP / _TWICE and by_gap * _TWICE < by_ratio:
        yield Sign(f"each of its requests is about {gap:.0f} tokens shorter than the incumbent's: "
                   "is the system prompt left out?")  # fmt: skip


def _words_lost(new: Replies, old: Replies) -> Iterable[Sign]:
    """Find tokens that were written and paid for, and hardly a character for each of them."""
    mine, theirs = (
        [len(one.text) / one.tokens_out for one in each if one.text is not None and one.tokens_out and not one.called]
        for each in (new, old)
    )
    if len(mine) >= _FEWEST and len(theirs) >= _FEWEST and median(mine) < _CHARS and median(theirs) > _TWICE * _CHARS:
        yield Sign(f"its answers have {median(mine):.2g} characters for each token that was written: "
                   "is a part of the answer lost, or read from the wrong field?")  # fmt: skip


def _nothing_right(new: Replies, old: Replies) -> Iterable[Sign]:
    """Find a task of which nothing at all is right, where the incumbent is right as a rule."""
    mine, theirs = ([one.score for one in each if one.score is not None] for each in (new, old))
    if min(len(mine), len(theirs)) < _MANY:
        return
    mean = math.fsum(theirs) / len(theirs)
    if max(mine) == 0 and mean >= _GOOD:
        yield Sign(f"not one of {len(mine)} answers is right, of the incumbent's {share(round(mean, 3))}: "
                   "what of its request or answer gets lost?")  # fmt: skip


_Look: TypeAlias = Callable[[Replies, Replies], Iterable[Sign]]
_ALONE: Final[tuple[_Look, ...]] = (_truncated, _unparsed, _rejected, _empty, _dropped)
"""What is odd by itself, too."""
_LOOKS: Final[tuple[_Look, ...]] = (
    *_ALONE, _garbled, _refused, _same_answers, _cut_at_one_length, _without_tools, _asks_again, _short_requests,
    _constant_shortage, _words_lost, _nothing_right,
)  # fmt: skip


def _served(new: Side, old: Side | None) -> Iterable[Sign]:
    """Find names that the provider gave back and nobody asked for; a date or a version behind the name is none."""
    strange = _strange(new)
    if not strange or (old is not None and new.habits.model == old.habits.model):
        return
    same = set(strange) & set(old.habits.served()) if old is not None else set()
    if same:
        yield Sign(f"incumbent and candidate were served by the same model, {listed(sorted(same))}")
    elif old is None or not _strange(old):  # or else names mean nothing here, as of deployments
        yield Sign(f"it was asked as {new.habits.model!r} and served as {listed(strange)}")


def _strange(side: Side) -> list[str]:
    asked = side.habits.model or ""
    if ":" not in asked:  # a slot
        return []
    wanted = _bare(asked.partition(":")[2])
    return sorted(name for name in side.habits.served()
                  if not any(_is_one(_bare(one), wanted) for one in (name, name.partition(":")[2])))  # fmt: skip


def _bare(name: str) -> str:
    """Return a model's name without folder and what only separates."""
    return "".join(one for one in name.rsplit("/", 1)[-1].lower() if one.isalnum())


def _is_one(served: str, asked: str) -> bool:
    return bool(served) and (not asked or served.startswith(asked) or asked.startswith(served))


def _off_trend(new: Side, rule: Rule) -> Iterable[Sign]:
    """Find a mean far below what the earlier releases of the line lead to."""
    scored = [mark.mean for mark in new.marks if mark.all]
    if not scored or rule.line_day is None:
        return
    try:
        expected = below_line(rule.line, rule.line_day, math.fsum(scored) / len(scored), confidence=rule.confidence)
    except NotUsable:
        return
    if expected is not None:
        yield Sign(f"its mean is {math.fsum(scored) / len(scored):.3g}, where the trend of its line ends between "
                   f"{expected[0]:.3g} and {expected[1]:.3g}")  # fmt: skip
