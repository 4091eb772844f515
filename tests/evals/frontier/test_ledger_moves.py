"""Whatever is promoted, staged, raised and taken back in whatever order, file and record agree, and back goes back."""

import asyncio
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from copilot_kit.errors import UsageError
from copilot_kit_evals.frontier.ledger import advance, placed, promote, take_back
from copilot_kit_evals.frontier.lock import FileLedger
from copilot_kit_evals.frontier.promotions import Placement, chain_faults

MODELS = ("a:1", "a:2", "b:1")
START = '# kept\n[slots.default]\nmodel = "a:1"  # mine\nbase_url = "http://x"\n\n[slots.other]\nmodel = "a:1"\n'
MOVES = st.one_of(
    st.tuples(st.just("promote"), st.sampled_from(MODELS), st.sampled_from([None, {"prompt": "Hi."}])),
    st.tuples(st.just("stage"), st.sampled_from(MODELS), st.none()),
    st.tuples(st.just("advance"), st.sampled_from(["0.5", "1"]), st.none()),
    st.tuples(st.just("back"), st.just(""), st.none()),
)


async def made(ledger: FileLedger, what: str, which: str, overlay: object) -> None:
    if what == "back":
        await take_back(ledger, "default", by="x")
    elif what == "advance":
        await advance(ledger, "default", share=float(which), by="x")
    else:
        before = await ledger.placement("default", (which,))
        if before.stage is not None:
            raise UsageError("one takes over already")
        to = placed(before, which, {which: overlay}, 0.1 if what == "stage" else None)  # type: ignore[dict-item]
        await promote(ledger, "default", to, before=before, by="x")


@given(st.lists(MOVES, max_size=8))
@settings(max_examples=60, deadline=None)
def test_file_and_record_agree_and_back_goes_all_the_way_back(moves: list[tuple[str, str, object]]):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "frontier.toml"
        path.write_text(START)
        asyncio.run(_played(FileLedger(path), moves))


async def _played(ledger: FileLedger, moves: list[tuple[str, str, object]]) -> None:
    first = await ledger.placement("default", MODELS)
    for what, which, overlay in moves:
        before = ledger.frontier.read_text()
        try:
            await made(ledger, what, which, overlay)
        except UsageError:
            assert ledger.frontier.read_text() == before
        assert await ledger.faults() == []
        assert chain_faults(await ledger.promotions()) == []
    while True:
        try:
            await take_back(ledger, "default", by="x")
        except UsageError:
            break
    assert await ledger.placement("default", MODELS) == first
    assert ledger.frontier.read_text().startswith('# kept\n[slots.default]\nmodel = "a:1"  # mine\n')
    assert await ledger.placement("other") == Placement(model="a:1")
