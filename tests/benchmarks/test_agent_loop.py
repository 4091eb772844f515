"""The stub provider speaks three APIs, and figures are made of samples as the README of the benchmarks says."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import httpx2
import pytest

from benchmarks.agent_loop import stub
from benchmarks.agent_loop.competitors import COMPETITORS
from benchmarks.agent_loop.competitors.httpx2_loop import Loop
from benchmarks.agent_loop.conversation import APIS, Api
from benchmarks.agent_loop.report import Cell, cell
from benchmarks.agent_loop.scenarios import FIGURES, Sample

T = TypeVar("T")
each_api = pytest.mark.parametrize("api", APIS)


def with_stub(act: Callable[[stub.Stub, str], Awaitable[T]]) -> T:
    async def run() -> T:
        provider = stub.Stub()
        async with await stub.serve(provider) as server:
            return await act(provider, stub.address(server))

    return asyncio.run(run())


@each_api
def test_a_run_of_three_tool_turns_makes_four_requests_and_ends_with_the_answer(api: Api):
    async def act(provider: stub.Stub, url: str) -> tuple[str, int]:
        loop = Loop(api, stub.script(url, turns=3), 3)
        answer = await loop.run()
        await loop.close()
        return answer, provider.requests

    assert with_stub(act) == ("done", 4)


@each_api
def test_every_piece_of_a_streamed_text_arrives(api: Api):
    async def act(_: stub.Stub, url: str) -> int:
        loop = Loop(api, stub.script(url, chunks=250), 0)
        pieces = await loop.stream()
        await loop.close()
        return pieces

    assert with_stub(act) == 250


@pytest.mark.parametrize(
    ("path", "call"),
    [
        ("/chat/completions", '"arguments":"{\\"a\\": 0,"'),
        ("/responses", '"delta":"{\\"a\\": 0,"'),
        ("/messages", '"partial_json":"{\\"a\\": 0,"'),
    ],
)
def test_a_streamed_tool_call_comes_in_two_halves(path: str, call: str):
    async def act(_: stub.Stub, url: str) -> str:
        async with httpx2.AsyncClient() as client:
            return (await client.post(stub.script(url, turns=1) + "/v1" + path, json={"stream": True})).text

    assert call in with_stub(act)


def test_a_path_the_stub_does_not_serve_is_not_found_and_not_counted():
    async def act(provider: stub.Stub, url: str) -> tuple[int, int]:
        async with httpx2.AsyncClient() as client:
            return (await client.post(url + "/1/0/v1/embeddings", json={})).status_code, provider.requests

    assert with_stub(act) == (404, 0)


def test_a_hundred_runs_at_once_are_answered_without_an_error():
    async def act(provider: stub.Stub, url: str) -> tuple[set[str], int]:
        loop = Loop("chat", stub.script(url, turns=1), 1)
        answers = await asyncio.gather(*(loop.run() for _ in range(100)))
        await loop.close()
        return set(answers), provider.requests

    assert with_stub(act) == ({"done"}, 200)


def test_a_ratio_is_the_median_of_the_ratios_of_each_round():
    # the second round fell on a busy machine: it slowed both alike
    floor = [Sample("httpx2", "turns", "chat", n, cpu_s, 1.0) for n, cpu_s in enumerate([0.001, 0.010, 0.001])]
    theirs = [Sample("openai", "turns", "chat", n, cpu_s, 1.0) for n, cpu_s in enumerate([0.004, 0.030, 0.002])]
    assert cell(FIGURES[0], "openai", "chat", floor + theirs) == Cell(value=44.0, ratio=3.0)


def test_a_failed_sample_gives_no_figure():
    samples = [Sample("httpx2", "turns", "chat", 0, 0.001, 1.0, errors=1, error="cut off")]
    assert cell(FIGURES[0], "httpx2", "chat", samples) is None


def test_every_competitor_has_its_module_and_says_what_to_install():
    folder = Path(stub.__file__).parent / "competitors"
    modules = {name: (folder / f"{row.module}.py").read_text() for name, row in COMPETITORS.items()}
    assert {name for name, source in modules.items() if "class Loop:" in source} == set(COMPETITORS)
    assert all(row.requires and row.imports for row in COMPETITORS.values())
