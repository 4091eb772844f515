"""Taken back, frontier.toml is byte for byte what it was: comments, order, ends of lines; what people edited stays."""

import asyncio
import tempfile
import tomllib
from pathlib import Path
from typing import Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from copilot_kit.errors import UsageError
from copilot_kit_evals.frontier.editing import edited
from copilot_kit_evals.frontier.hunks import Edit
from copilot_kit_evals.frontier.ledger import advance, placed, promote, take_back
from copilot_kit_evals.frontier.lock import FileLedger, read_lock
from copilot_kit_evals.frontier.promotions import Placement, chain_faults

WITH_TABLES: Final = """\
[slots.default]
model = "a:1"

# about 2
[slots.default.overlays."a:2"] # of 2
# why
prompt = '''
Be "short".
And # no comment.
'''  # end
# then
settings = { effort = "low" } # little

# tools
[slots.default.overlays."a:2".tools]
find = "Finds." # it

# about 3
[slots.default.overlays."b:3"]
prompt = "Three." # of three
"""
OUT_OF_ORDER: Final = """\
[slots.default]
model = 'a:1' # a
[slots.near]
model = "a:1" # b
[slots.default.settings] # c
effort = "low"
[slots.default.overlays."a:2"]
prompt = '''
Long,
longer.'''
"""
SLOTS: Final = (
    '[slots.default]   # ours\nmodel = "a:1"  # mine\nsuites = [\n  "s.py",  # sums\n]\n',
    '[slots.default]\nsettings = { effort = "low" } # little\nbase_url = "http://x"  # here\nmodel = "a:1"\n',
    '[ slots . "default" ]\n  # in\n  model = "a:1"\n  overlays."a:2".prompt = "Be short." # dotted\n',
    '[slots.default]\nmodel = "a:1"\noverlays = { "a:2" = { prompt = "Be short." } } # in a line\n',
    WITH_TABLES,
    OUT_OF_ORDER,
    '[slots] # all\ndefault = { model = "a:1" } # in a line\n',
    '# s\n[slots.default.stage]  # begun by hand\nto = "a:3"  # next\nshare = 0.1\n[slots.default]\nmodel = "a:1"\n',
    'slots.default.model = "a:1" # on top\nslots.default.margin = 0.05\n',
)  # fmt: skip
OTHERS: Final = (
    '[slots.same]\nmodel = "a:1"  # mine\nsuites = [\n  "s.py",  # sums\n]\n\n# about 2\n[slots.same.overlays."a:2"]\n',
    '[slots.fast] # quick\nmodel = "a:1" # mine\n',
    "# nothing\n",
    "",
)
OVERLAYS: Final = (
    None,
    {"prompt": "Be long."},
    {"prompt": 'Be "short".\nAnd # no comment.\n', "settings": {"effort": "high"}, "tools": {"find": "Finds."}},
)


def is_toml(text: str) -> bool:
    try:
        return bool(tomllib.loads(text.removeprefix("\ufeff")))
    except tomllib.TOMLDecodeError:
        return False


def written(head: str, slot: str, gap: str, other: str, end: str, *, ended: bool) -> str:
    body = (slot + gap + other).replace("\n", end)
    return head + (body if ended else body.removesuffix(end))


TEXTS: Final = st.builds(
    written,
    st.sampled_from(["", "# The models.\n\n", "\ufeff# The models.\r\n", "\ufeff"]),
    st.sampled_from(SLOTS),
    st.sampled_from(["", "\n", "\n\n# next\n"]),
    st.sampled_from(OTHERS),
    st.sampled_from(["\n", "\r\n"]),
    ended=st.booleans(),
).filter(is_toml)
AS_IT_IS: Final = "as it is"
MOVES: Final = st.tuples(
    st.sampled_from(["a:2", "b:3"]),
    st.sampled_from([AS_IT_IS, *OVERLAYS]),
    st.sampled_from([(), (0.1,), (0.1, 0.5), (0.1, 0.5, 1.0)]),
)
Move = tuple[str, object, tuple[float, ...]]


async def promoted(ledger: FileLedger, to: str, overlay: object, shares: tuple[float, ...] = ()) -> None:
    before = await ledger.placement("default", (to,))
    if before.stage is not None or before.model == to:
        raise UsageError("It has it.")
    new = before.overlays[to] if overlay == AS_IT_IS else overlay
    after = placed(before, to, {to: new}, shares[0] if shares else None)  # type: ignore[dict-item]
    await promote(ledger, "default", after, before=before, by="anna")
    for share in shares[1:]:
        await advance(ledger, "default", share=share, by="anna")


async def all_taken_back(ledger: FileLedger) -> None:
    while True:
        try:
            await take_back(ledger, "default", by="anna")
        except UsageError:
            return


def ledger_of(folder: str | Path, text: str) -> FileLedger:
    path = Path(folder) / "frontier.toml"
    path.write_bytes(text.encode())
    return FileLedger(path)


@given(TEXTS, st.lists(MOVES, min_size=1, max_size=3))
@example(WITH_TABLES, [("a:2", OVERLAYS[1], ())])
@settings(max_examples=40, deadline=None)
def test_promoted_and_taken_back_the_file_is_what_it_was_byte_for_byte(text: str, moves: list[Move]):
    async def played(ledger: FileLedger) -> None:
        for one in moves:
            try:
                await promoted(ledger, *one)
            except UsageError:
                assert ledger.frontier.read_bytes() == text.encode() or await ledger.promotions()
        await all_taken_back(ledger)
        assert ledger.frontier.read_bytes() == text.encode()
        assert chain_faults(await ledger.promotions()) == []
        assert await ledger.faults() == []

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(played(ledger_of(folder, text)))


@given(TEXTS, MOVES, st.sampled_from(["top", "end", "ends of lines"]))
@example(OUT_OF_ORDER.removesuffix("\n"), ("a:2", {"prompt": "Be long."}, ()), "end")
@settings(max_examples=40, deadline=None)
def test_what_a_person_edited_in_between_stays_and_all_else_is_what_it_was(text: str, move: Move, what: str):
    def by_hand(text: str) -> str:
        if what == "ends of lines":
            return text.replace("\r\n", "\n").replace("\n", "\r\n")
        mark, rest = text[: text.startswith("\ufeff")], text.removeprefix("\ufeff")
        return f"{mark}# by hand\n{rest}" if what == "top" else f'{text}\n[slots.new] # by hand\nmodel = "a:1"\n'

    async def played(ledger: FileLedger) -> None:
        try:
            await promoted(ledger, *move)
        except UsageError:
            return
        ledger.frontier.write_bytes(by_hand(ledger.frontier.read_bytes().decode()).encode())
        await all_taken_back(ledger)
        assert ledger.frontier.read_bytes().decode() == by_hand(text)

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(played(ledger_of(folder, text)))


@given(st.sampled_from(SLOTS), st.integers(0, 30))
@settings(max_examples=40, deadline=None)
def test_a_line_of_a_persons_own_anywhere_stays(text: str, at: int):
    async def played(ledger: FileLedger) -> None:
        first = await ledger.placement("default", ("a:2", "b:3"))
        try:
            await promoted(ledger, "b:3", AS_IT_IS)
        except UsageError:
            return
        lines = ledger.frontier.read_text().splitlines(keepends=True)
        lines.insert(at, "# by hand\n")
        ledger.frontier.write_text("".join(lines))
        if "# by hand" in str((await ledger.placement("default", ("a:2",))).overlays):
            return  # in a text, and no comment
        await all_taken_back(ledger)
        assert "# by hand\n" in ledger.frontier.read_text()
        assert await ledger.placement("default", ("a:2", "b:3")) == first
        assert set(text.splitlines()) <= set(ledger.frontier.read_text().splitlines())

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(played(ledger_of(folder, text)))


async def test_an_overlay_that_was_not_promoted_is_not_taken_back(tmp_path: Path):
    ledger = ledger_of(tmp_path, text := WITH_TABLES)
    await promoted(ledger, "a:2", AS_IT_IS)
    better = ledger.frontier.read_text().replace('Be "short".', "Be brief.  # really")
    ledger.frontier.write_text(better)
    await take_back(ledger, "default", by="anna")
    assert ledger.frontier.read_text() == text.replace('Be "short".', "Be brief.  # really")


async def test_an_overlay_that_was_edited_after_its_promotion_is_taken_back_and_comments_around_it_stay(tmp_path: Path):
    ledger = ledger_of(tmp_path, WITH_TABLES)
    await promoted(ledger, "a:2", {"prompt": "Be long."})
    ledger.frontier.write_text(ledger.frontier.read_text().replace('"Be long."', '"Be longer." # by hand'))
    await take_back(ledger, "default", by="anna")
    found = ledger.frontier.read_text()
    for comment in ("# about 2", "# of 2", "# why", "# by hand", "# about 3", "# of three"):
        assert comment in found
    assert await ledger.faults() == []


def test_other_words_for_a_model_leave_the_comments_of_its_overlay():
    overlay = {"prompt": "New.", "settings": {"effort": "low"}, "tools": {"find": "Finds all."}}
    made = edited(WITH_TABLES, "default", Placement(model="a:1", overlays={"a:2": overlay}))
    assert made == WITH_TABLES.replace("'''\nBe \"short\".\nAnd # no comment.\n'''", '"New."').replace(
        '"Finds."', '"Finds all."'
    )


async def test_a_mark_and_mixed_ends_of_lines_stay_on_promotion(tmp_path: Path):
    text = '\ufeff# ours\r\n[slots.default]\nmodel = "a:1" # mine\r\n\nmargin = 0.1\r\n'
    ledger = ledger_of(tmp_path, text)
    await promoted(ledger, "a:2", AS_IT_IS)
    assert ledger.frontier.read_bytes() == text.replace("a:1", "a:2").encode()


async def test_a_back_that_died_before_the_file_followed_is_finished_with_its_comments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from copilot_kit_evals.frontier import lock

    ledger = ledger_of(tmp_path, WITH_TABLES)
    await promoted(ledger, "a:2", {"prompt": "Be long."})

    def died(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(lock, "flip", died)
        with pytest.raises(KeyboardInterrupt):
            await take_back(ledger, "default", by="anna")
    ledger.frontier.write_text(f"# by hand\n{ledger.frontier.read_text()}")
    assert await ledger.faults(repair=True) == []
    assert ledger.frontier.read_text() == f"# by hand\n{WITH_TABLES}"


LINE: Final = (
    '{"format":"copilot-kit-promotion/1","n":0,"at":"2026-11-20T10:00:00Z","kind":"promote","slot":"default","before":'
    '{"model":"a:1","base_url":null,"stage":null,"overlays":{"a:2":null}},"after":{"model":"a:2","base_url":null,'
    '"stage":null,"overlays":{"a:2":null}},"by":"anna","reason":"","evidence":null,"prev":"' + "0" * 64 + '","hash":'
    '"HASH"}\n'
)  # fmt: skip


async def test_records_from_before_there_were_edits_hold_and_are_taken_back(tmp_path: Path):
    hash_ = "36c00323d356c7814ce79ceb86a314be0a0777a7cdc567291fb62d4e86f76718"
    ledger = ledger_of(tmp_path, '[slots.default]\nmodel = "a:2" # mine\n')
    ledger.path.write_text(LINE.replace("HASH", hash_))
    assert chain_faults(read_lock(ledger.path)) == []
    await take_back(ledger, "default", by="anna")
    assert ledger.frontier.read_text() == '[slots.default]\nmodel = "a:1" # mine\n'
    assert chain_faults(read_lock(ledger.path)) == []


@given(*[st.lists(st.sampled_from(["a\n", "b\r\n", "\n", "c", "é\u2028\n"]), max_size=12).map("".join)] * 2)
def test_an_edit_makes_of_one_text_the_other_and_back(before: str, after: str):
    edit = Edit.of(before, after)
    assert edit.made_in(before) == after
    assert edit.undone.made_in(after) == before
    assert edit.undone.undone == edit


async def test_what_goes_on_from_a_stage_that_was_begun_by_hand_is_a_change_of_its_own(tmp_path: Path):
    text = '[slots.default]\nmodel = "a:1"\n'
    by_hand = f'{text}stage = {{ to = "b:3", share = 0.5 }}\n'
    ledger = ledger_of(tmp_path, by_hand)
    await advance(ledger, "default", share=1.0, by="anna")
    await take_back(ledger, "default", by="anna")
    assert ledger.frontier.read_text() == by_hand
    ledger.frontier.write_text(text)
    await promoted(ledger, "a:2", AS_IT_IS)
    ledger.frontier.write_text(by_hand.replace("a:1", "a:2"))
    await advance(ledger, "default", share=1.0, by="anna")
    await take_back(ledger, "default", by="anna")
    assert ledger.frontier.read_text() == by_hand.replace("a:1", "a:2")


@pytest.mark.parametrize("text", [OUT_OF_ORDER, '[slots.default]\nmodel = "a:1"', '[slots.default]\nmodel = "a:1"\n'])
async def test_what_a_person_wrote_behind_the_last_line_or_took_of_its_end_hinders_nothing(tmp_path: Path, text: str):
    ledger = ledger_of(tmp_path, text)
    for change, back in (
        (lambda now: f"{now.rstrip()}\n# by hand\n", f"{text.rstrip()}\n# by hand\n"),
        (lambda now: now.rstrip("\n"), text.rstrip("\n")),
    ):
        ledger.frontier.write_text(text)
        await promoted(ledger, "a:2", {"prompt": "Be long."})
        ledger.frontier.write_text(change(ledger.frontier.read_text()))
        await take_back(ledger, "default", by="anna")
        assert ledger.frontier.read_text() == back
