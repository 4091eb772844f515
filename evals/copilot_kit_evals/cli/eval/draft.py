"""`copilot-kit eval draft`: a model proposes items, and a person takes, changes or rejects each of them."""

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from copilot_kit.cli.approvals import this_person
from copilot_kit.cli.editor import edited_arguments
from copilot_kit.cli.keys import Draft as Line
from copilot_kit.cli.keys import Keyboard, open_keyboard
from copilot_kit.cli.screen import bold, counted, dim, folded, height, new_page, shown, spent, told, warned, width
from copilot_kit.display import block, visible
from copilot_kit.errors import CopilotError, UsageError
from copilot_kit_evals.drafts import Draft, Drafts
from copilot_kit_evals.foreign.files import text_of
from copilot_kit_evals.items import BadDataset, Dataset

_MOST_CHARS: Final = 2_000_000
_FRAME: Final = 6
"""Lines of the screen besides the draft's own."""
_FIELDS: Final = ("input", "target", "tags")


def draft_command(
    dataset: Annotated[Path, typer.Argument(metavar="DATASET", help="JSON lines; may be new.", show_default=False)],
    *,
    model: Annotated[str | None, typer.Option("--model", "-m", help="Who drafts; else what waits is shown.")] = None,
    source: Annotated[
        list[Path] | None, typer.Option("--from", help="Text to make items of; may be repeated. Else more of the same.")
    ] = None,
    n: Annotated[int, typer.Option("--n", min=1, max=1000, help="Items to draft, at most.")] = 20,
) -> None:
    """Let a model propose items; you take, change or reject each before it is in the dataset.

    What you have not decided waits in DATASET's .drafts.jsonl, and comes again with: eval draft DATASET. Without a
    terminal nothing is ever taken. Items say which model drafted them: let no model be measured by its own.

    Example: copilot-kit eval draft support.jsonl --model openai:gpt-5.4 --from handbook.md
    """
    drafts = Drafts(dataset)
    if model is not None:
        asyncio.run(_drafted(drafts, model, source or (), n))
    elif source:
        raise UsageError("--from says of what, and nobody is to draft. Name a model: --model provider:name.")
    waiting = drafts.waiting()
    if not waiting:
        if model is None:
            told(f"No draft waits for {visible(dataset.name)}. Let a model draft some: --model provider:name")
        return
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        shown(f"{counted(len(waiting), 'draft')} in {visible(str(drafts.path))}")
        told(
            f"None was taken: that needs a person's key. In a terminal: copilot-kit eval draft {visible(str(dataset))}"
        )
        return
    asyncio.run(Sitting(drafts, waiting, open_keyboard()).hold())


async def _drafted(drafts: Drafts, name: str, files: Sequence[Path], n: int) -> None:
    """Ask the model and keep what it drafts as it comes."""
    from copilot_kit.errors import ModelError
    from copilot_kit.retry import Retry
    from copilot_kit.slots import open_model
    from copilot_kit_evals.drafting import Drafter, Source
    from copilot_kit_evals.sending import asked, check_asked_by, limits_of

    sources = [Source(file.name, _text(file)) for file in files]
    examples = drafts.items()
    if not sources and not examples:
        raise UsageError(
            f"{visible(str(drafts.dataset))!r} has no item to go by. Name a text to make items of: --from FILE."
        )
    opened = open_model(name)
    check_asked_by((), [asked(opened)], limits_of([Dataset.of(examples)]))
    drafter = Drafter(Retry(opened.model), opened.settings)
    made = 0
    try:
        async for found in drafter.draft(n, sources=sources, examples=examples, asked=drafts.asked()):
            drafts.keep(found)
            made += len(found)
            told(f"{made} of {n} drafted")
    except ModelError as error:
        if not made:
            raise
        told(f"Stopped after {counted(made, 'draft')}, which are kept: {visible(str(error))}")
    tally = drafter.tally
    cost = "" if tally.usage is None else f" · {spent(tally.usage)}"
    told(f"{counted(made, 'draft')} by {visible(name)}, {tally.known} that were there already{cost}")
    if tally.unread:
        told(f"{counted(tally.unread, 'answer')} of {tally.calls} were not in the form asked for.")


def _text(file: Path) -> str:
    text = text_of(file)
    if not text.strip() or len(text) > _MOST_CHARS:
        raise BadDataset(
            f"{visible(file.name)} has {len(text):,} characters. Give a text of some words, up to {_MOST_CHARS:,}."
        )
    return text


class Sitting:
    """A person at a terminal with one draft after the other before them."""

    def __init__(self, drafts: Drafts, waiting: list[Draft], keyboard: Keyboard) -> None:
        self._drafts = drafts
        self._waiting = waiting
        self._keyboard = keyboard
        self._here = 0
        self._note = ""
        self._taken = 0
        self._edited: dict[str, tuple[Draft, frozenset[str]]] = {}
        """Drafts as a person has changed them, with the fields that differ."""

    async def hold(self) -> None:
        """Ask about each draft until none is left, or the person leaves."""
        while self._waiting:
            self._here %= len(self._waiting)
            if not await self._one(self._waiting[self._here]):
                break
        if self._note:
            shown(self._note)
        told(f"{counted(self._taken, 'item')} taken into {visible(self._drafts.dataset.name)}, "
             f"{len(self._waiting)} left to decide.")  # fmt: skip

    async def _one(self, draft: Draft) -> bool:
        """Show a draft and do what the person wants; tells whether to go on."""
        seen, fields = self._edited.get(draft.id, (draft, frozenset()))
        whole = self._draw(seen, whole=False)
        while True:
            view = [] if whole else ["v view all"]
            shown(
                dim(folded(" · ".join(["y take it", "e edit", "r reject", *view, "j k move", "q leave"]), indent="  "))
            )
            match await self._keyboard.key():
                case "y" if not whole:
                    shown("  Not yet: not all of it was shown. Press v to see it whole.")
                case "v":
                    whole = self._draw(seen, whole=True)
                case "y":
                    return self._took(draft, seen, fields)
                case "e":
                    await self._edit(draft, seen)
                    return True
                case "r":
                    return self._tried(lambda: self._drafts.reject(draft, by=this_person().id), "rejected")
                case "j" | "k" as key:
                    self._here += 1 if key == "j" else -1
                    return True
                case None | "q":
                    return False
                case _:
                    pass

    def _took(self, draft: Draft, seen: Draft, fields: frozenset[str]) -> bool:
        before = len(self._waiting)
        going = self._tried(lambda: self._drafts.confirm(seen, by=this_person().id, edited=fields), "taken")
        self._taken += len(self._waiting) < before
        self._edited.pop(draft.id, None)
        return going

    def _tried(self, work: Any, words: str) -> bool:
        try:
            work()
        except CopilotError as error:
            self._note = folded(visible(str(error)), indent="  ")
            return True
        self._note = f"  {words}: {visible(self._waiting[self._here].id)}"
        del self._waiting[self._here]
        return True

    async def _edit(self, draft: Draft, seen: Draft) -> None:
        """Let the person change what is asked, what is right and the tags."""
        now = json.dumps({"input": seen.input, "target": seen.target, "tags": list(seen.tags)}, ensure_ascii=False)
        text = await edited_arguments(now, keyboard=self._keyboard, draft=Line())
        if text is None:
            self._note = "  Nothing was changed."
            return
        try:
            changed = Draft.model_validate({**draft.model_dump(), **{name: one for name, one in json.loads(text).items()
                                                                    if name in _FIELDS}})  # fmt: skip
        except ValueError:
            self._note = "  This is no item: input and target are texts, tags a list of texts."
            return
        fields = frozenset(name for name in _FIELDS if getattr(changed, name) != getattr(draft, name))
        self._edited[draft.id] = (changed, fields)
        self._note = "  Changed. Press y to take it as it stands here."

    def _draw(self, draft: Draft, *, whole: bool) -> bool:
        """Show the draft; tells whether all that would enter the dataset stands on the screen."""
        new_page()
        shown(f"{bold('drafts')} {dim(f'· {self._here + 1} of {len(self._waiting)}')}")
        if self._note:
            shown(self._note)
            self._note = ""
        lines = _lines(draft)
        room = max(_FRAME, height() - _FRAME)
        fits = len(lines) <= room
        for line in lines if fits or whole else [*lines[:room], dim(f"  {len(lines) - room} more lines")]:
            shown(line)
        return fits or whole


def _lines(draft: Draft) -> list[str]:
    """Return the draft as lines in which nothing of the model's can pose as ours."""
    lines = [dim("  asks"), *block(draft.input, width=width())]
    lines += [dim("  right is"), *block(draft.target or "", width=width())]
    if draft.tags:
        lines += [dim("  tags"), *block(", ".join(draft.tags), width=width())]
    by = visible(draft.model) + ("" if draft.source is None else f", from {visible(draft.source)}")
    lines += [dim(f"  why, says {by}"), *block(draft.why, width=width())]
    if draft.quote is not None:
        said = dim("  it quotes") if draft.quoted else warned("  it quotes, and this stands nowhere in the source")
        lines += [said, *block(draft.quote, width=width())]
    return lines
