"""What changed of a slot, why, and by whom: one record a change, chained by hash, each with what it rests on."""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal, TypeAlias

from pydantic import Field, JsonValue

from copilot_kit.errors import Conflict, UsageError
from copilot_kit.messages import Record
from copilot_kit.records import Stage
from copilot_kit_evals.folder import ATTEMPTS, MANIFEST, RunFolder
from copilot_kit_evals.frontier.hunks import Edit

Kind: TypeAlias = Literal["promote", "stage", "advance", "back", "rollback"]
"""promote: all new runs. stage: a share of them. advance: a larger share. back: what was before, by a person's word.
rollback: what was before, since acceptance fell."""

GENESIS: Final = "0" * 64
VERDICT: Final = "verdict.json"
_FILES: Final = (MANIFEST, ATTEMPTS, VERDICT)


class Placement(Record):
    """What a slot gives, as far as a promotion changes it."""

    model: str | None
    base_url: str | None = None
    stage: Stage | None = None
    overlays: dict[str, JsonValue] = {}
    """Of the models that the change concerns, as frontier.toml has them; null: none."""


class Proof(Record):
    """The run that a promotion rests on, bound by the digests of its files."""

    run: str
    """Its folder, as seen from frontier.toml."""
    run_id: str
    verdict: str
    files: dict[str, str]
    """SHA-256 by name; one that is not there is not named."""
    digest: str
    """Over the names and digests of the files."""


class Promotion(Record):
    """One change of a slot; `hash` is over all other fields, and names the change before."""

    format: Literal["copilot-kit-promotion/1"] = "copilot-kit-promotion/1"
    n: int
    at: datetime
    kind: Kind
    slot: str
    before: Placement
    after: Placement
    by: str
    reason: str = ""
    evidence: Proof | None = None
    edit: Edit | None = None
    """What it did to the text of frontier.toml, so that taking it back restores comments, too; None: not known."""
    prev: str
    hash: str = ""

    def sealed(self) -> "Promotion":
        """Return it with its hash."""
        left_out = {"hash"} if self.edit is not None else {"hash", "edit"}  # as it was before there were edits
        told = self.model_dump(mode="json", exclude=left_out)
        digest = sha256(json.dumps(told, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
        return self.model_copy(update={"hash": digest})


class Change(Record):
    """A promotion before it has its place."""

    kind: Kind
    slot: str
    before: Placement
    after: Placement
    by: str
    reason: str = ""
    evidence: Proof | None = None
    follows: str | None = None
    """Hash of the slot's last change when this one was decided on: after any other it is void. None: not said."""
    at: datetime = Field(default_factory=lambda: datetime.now(UTC))

    def check(self, promotions: Sequence[Promotion], found: Placement) -> None:
        """Raise `Conflict` unless the slot is as it was when this was decided on."""
        last = next((one.hash for one in reversed(promotions) if one.slot == self.slot), None)
        if found != self.before or self.follows not in (None, last):
            has, had = in_words(found), in_words(self.before)
            how = f"it has {has}, not {had}" if has != had else unlike(found, self.before)
            raise Conflict(
                f"Slot {self.slot!r} has changed meanwhile: {how}. Nothing was changed; look at it and decide anew."
                if found != self.before
                else f"Slot {self.slot!r} was promoted or taken back meanwhile, and has {in_words(found)}. Nothing was "
                "changed; look at it and decide anew."
            )

    def behind(self, last: Promotion | None, edit: Edit | None = None) -> Promotion:
        """Return it as the next one behind the last, with what it does to a text."""
        n, prev = (0, GENESIS) if last is None else (last.n + 1, last.hash)
        promotion = Promotion(n=n, at=self.at, kind=self.kind, slot=self.slot, before=self.before, after=self.after,
                              by=self.by, reason=self.reason, evidence=self.evidence, edit=edit, prev=prev)  # fmt: skip
        return promotion.sealed()


class Fault(Record):
    """Something that is not as it was written, or that cannot be told."""

    n: int | None
    """Number of the promotion; None: of the whole."""
    slot: str | None = None
    text: str
    fails: bool = True
    """False: it is told, and proves nothing."""


def evidence_for(promotions: Sequence[Promotion]) -> Proof | None:
    """Return the evidence for what a slot has after its promotions: a share that was raised rests on where it began."""
    for one in reversed(promotions):
        if one.evidence is not None or one.kind in ("back", "rollback") or one.before.stage is None:
            return one.evidence
    return None


def in_words(placement: Placement) -> str:
    """Return which model a slot has, and which one is taking over."""
    model = placement.model or "no model"
    return model if placement.stage is None else f"{model} and {placement.stage.share:.0%} {placement.stage.to}"


def unlike(found: Placement, written: Placement) -> str:
    """Return words for how a slot is otherwise than it was written, '' where it is as it was."""
    words = []
    if (found.model, found.stage) != (written.model, written.stage):
        words.append(f"frontier.toml gives it {in_words(found)}, and the last promotion gave it {in_words(written)}")
    if found.base_url != written.base_url:
        words.append(f"its base_url is {found.base_url!r}, and was {written.base_url!r}")
    for model, said in written.overlays.items():
        now, then = _keys(found.overlays.get(model)), _keys(said)
        keys = [key for key in {**then, **now} if now.get(key) != then.get(key)]
        if keys:
            words.append(f"the overlay of {model} has another {', '.join(keys)}")
    return "; ".join(words)


def _keys(overlay: JsonValue) -> dict[str, JsonValue]:
    return overlay if isinstance(overlay, dict) else {}


def proof_of(run: Path, *, verdict: str, home: Path) -> Proof:
    """Return what binds a promotion to this run. home: the folder of frontier.toml."""
    folder = RunFolder(run)
    files = digests(run)
    path = run.resolve()
    place = path.relative_to(home.resolve()) if path.is_relative_to(home.resolve()) else path
    return Proof(run=str(place), run_id=folder.manifest.run_id, verdict=verdict, files=files, digest=digest_of(files))


def digests(run: Path) -> dict[str, str]:
    """Return the SHA-256 of each file of a run that counts as evidence."""
    return {name: sha256((run / name).read_bytes()).hexdigest() for name in _FILES if (run / name).is_file()}


def digest_of(files: dict[str, str]) -> str:
    """Return one digest of names and digests."""
    return sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()


def of_slot(promotions: Iterable[Promotion], slot: str) -> list[Promotion]:
    """Return the changes of one slot, oldest first."""
    return [one for one in promotions if one.slot == slot]


def last_change(promotions: Sequence[Promotion], slot: str) -> list[Promotion]:
    """Return the last change of a slot that has not been taken back yet, with all its steps, oldest first.

    Raises `UsageError` where nothing is left to take back.
    """
    stack: list[list[Promotion]] = []
    for one in of_slot(promotions, slot):
        if one.kind in ("back", "rollback"):
            del stack[-1:]
        elif one.kind == "stage" or one.before.stage is None or not stack or stack[-1][-1].after.stage is None:
            stack.append([one])  # its stage may have been begun by hand
        else:  # a promotion by shares is one change, whatever steps it took
            stack[-1].append(one)
    if not stack:
        raise UsageError(f"Slot {slot!r} was not promoted, or all was taken back. See: copilot-kit frontier")
    return stack[-1]


def undone(steps: Sequence[Promotion], now: Placement) -> Placement:
    """Return what a slot has when these steps of one change are taken back.

    What they did not change stays as it is now: people may have edited it since.
    """
    before, after = steps[0].before, steps[-1].after
    changed = {name for one in steps for name in one.after.overlays
               if one.after.overlays[name] != one.before.overlays.get(name)}  # fmt: skip
    overlays = {name: before.overlays.get(name) for name in changed}
    same = before.base_url == after.base_url and now.model == after.model
    url = now.base_url if same else before.base_url
    return Placement(model=before.model, base_url=url, stage=before.stage, overlays=overlays)


def chain_faults(promotions: Sequence[Promotion]) -> list[Fault]:
    """Return where the chain is broken, and where a slot was not as the change before had left it."""
    faults: list[Fault] = []
    prev = GENESIS
    last: dict[str, Placement] = {}
    for n, one in enumerate(promotions):
        if one.sealed().hash != one.hash:
            faults.append(Fault(n=n, slot=one.slot, text="it was changed after it was written"))
        elif one.n != n or one.prev != prev:
            faults.append(Fault(n=n, slot=one.slot, text="it does not follow the one before: lines were removed"))
        before = last.get(one.slot)
        if before is not None and before.model != one.before.model:
            text = f"slot {one.slot!r} had been left with {before.model} and was found with {one.before.model}"
            faults.append(Fault(n=n, slot=one.slot, text=f"{text}: edited by hand", fails=False))
        last[one.slot], prev = one.after, one.hash
    return faults


def evidence_fault(one: Promotion, home: Path) -> Fault | None:
    """Return what is the matter with the run that a promotion rests on; None if it is as it was."""
    if one.evidence is None:
        return None
    run = home / one.evidence.run
    if not run.is_dir():
        return Fault(n=one.n, slot=one.slot, text=f"its run {one.evidence.run} is not here", fails=False)
    found = digests(run)
    if digest_of(one.evidence.files) != one.evidence.digest:
        return Fault(n=one.n, slot=one.slot, text="the digest of its evidence is not that of the files it names")
    changed = [name for name, digest in one.evidence.files.items() if found.get(name) != digest]
    if changed:
        text = f"its evidence was changed or removed: {', '.join(changed)} in {one.evidence.run}"
        return Fault(n=one.n, slot=one.slot, text=text)
    return None
