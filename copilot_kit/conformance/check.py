"""Replays a corpus through the adapters and compares, step by step, what they send and what they understand."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from copilot_kit.conformance.corpus import Interaction, Recording, recordings
from copilot_kit.conformance.playback import Playback
from copilot_kit.conformance.report import Report, Verdict
from copilot_kit.conformance.sameness import MISSING, Difference, differences, normal, said_in
from copilot_kit.conformance.turns import spoken_again
from copilot_kit.conformance.understanding import misunderstandings, same_answer
from copilot_kit.conformance.wire_check import WireCheck, claimant, installed
from copilot_kit.events import Event, Failed, closing
from copilot_kit.request import Request
from copilot_kit.response import Response

_STEP_LIMIT_S = 30.0
_CUTS = (0, 1)
"""Seeds of the other cuts that every stream is read in: joined to one piece, and into small ones."""


@dataclass(frozen=True, slots=True)
class _Step:
    """One step under check."""

    number: int
    interaction: Interaction
    check: WireCheck
    provider: str
    api: str

    @property
    def body(self) -> dict[str, Any]:
        recorded = self.interaction.request.body
        if not isinstance(recorded, dict):
            raise TypeError(f"the recorded request is no JSON object but {type(recorded).__name__}")
        return recorded

    def parsed(self) -> tuple[str, Request]:
        return self.check.parse_request(self.provider, self.api, self.body)


@dataclass(frozen=True, slots=True)
class _Turn:
    """A step that went well: what was asked, what came, and how it was understood."""

    request: Request
    body: bytes
    response: Response


async def check_corpus(
    directory: Path,
    *,
    checks: Mapping[str, WireCheck] | None = None,
    told: Callable[[Verdict], None] = lambda _: None,
) -> Report:
    """Return the verdict on each exchange of a folder; `told` hears each as it falls.

    checks: the adapters to judge, by default the installed ones. Raises `BrokenCorpus` before anything is judged.
    """
    judges = installed() if checks is None else checks
    verdicts = []
    for recording in list(recordings(directory)):
        verdict = await check_recording(recording, judges)
        told(verdict)
        verdicts.append(verdict)
    return Report(tuple(verdicts))


async def check_recording(recording: Recording, checks: Mapping[str, WireCheck]) -> Verdict:
    """Return the verdict on one exchange.

    Failed if any claimed step differs; else not claimed if any step is not claimed; else passed.
    """
    steps, strangers = _claimed(recording, checks)
    found: list[str] = []
    before: _Turn | None = None
    for step in steps:
        try:
            async with asyncio.timeout(_STEP_LIMIT_S):
                lines, before = await _check_step(step, before)
        except TimeoutError:
            lines, before = [f"no end within {_STEP_LIMIT_S:g} s: it hangs"], None
        except Exception as error:  # noqa: BLE001  whatever an adapter raises is a finding
            lines, before = [f"raised {type(error).__name__}: {error} ({_origin(error)})"], None
        found += [f"step {step.number}: {line}" for line in lines]
    verdict = Verdict(recording.id, recording.provider, recording.api, "passed", steps=len(recording.interactions))
    if found:
        return _with(verdict, "failed", found[0], tuple(found))
    return _with(verdict, "not_claimed", "; ".join(strangers), ()) if strangers else verdict


def _with(verdict: Verdict, status: Any, reason: str, found: tuple[str, ...]) -> Verdict:
    return Verdict(verdict.id, verdict.provider, verdict.api, status, reason, found, verdict.steps)


def _claimed(recording: Recording, checks: Mapping[str, WireCheck]) -> tuple[list[_Step], list[str]]:
    steps, strangers = [], []
    for number, interaction in enumerate(recording.interactions):
        provider, api = recording.speaker(number)
        check = claimant(checks, provider, api)
        if check is None:
            strangers.append(f"step {number}: no installed adapter claims {provider} {api}")
        else:
            steps.append(_Step(number, interaction, check, provider, api))
    return steps, strangers


async def _check_step(step: _Step, before: _Turn | None) -> tuple[list[str], _Turn | None]:
    """Return what differs in a step, and the step as a turn to go on from."""
    name, request = step.parsed()
    reborn = Request.model_validate_json(request.model_dump_json())
    lines = [] if reborn == request else ["request: what parse_request returns does not survive JSON"]
    events, playback = await _answer(step, name, request)
    lines += [f"request: {line}" for line in _sent(step, playback)]
    recorded = step.interaction.response
    body = b"".join(recorded.pieces)
    said = step.check.said(step.provider, step.api, recorded.status, body, recorded.content_type)
    lines += [f"response: {line}" for line in misunderstandings(events, said)]
    if recorded.chunks is not None or recorded.chunks_base64 is not None:
        for seed in _CUTS:
            other, _ = await _answer(step, name, request, cut_seed=seed)
            lines += [f"response, cut elsewhere: {line}" for line in same_answer(events, other)]
    lines += [f"own turn: {line}" for line in await _again(step, name, request, before)]
    last = events[-1] if events else None
    response = None if last is None or isinstance(last, Failed) else getattr(last, "response", None)
    return lines, None if response is None else _Turn(request, body, response)


async def _answer(
    step: _Step, model: str, request: Request, *, cut_seed: int | None = None
) -> tuple[list[Event], Playback]:
    playback = Playback(step.interaction.response, cut_seed)
    async with playback.client() as client:
        opened = step.check.open(step.provider, step.api, model, path=step.interaction.request.path, http_client=client)
        async with closing(opened.stream(request)) as events:
            return [event async for event in events], playback


def _sent(step: _Step, playback: Playback) -> list[str]:
    recorded = step.interaction.request
    if len(playback.sent) != 1:
        return [f"{len(playback.sent)} requests were sent, not one"]
    sent = playback.sent[0]
    lines = []
    if (sent.method, sent.path) != (recorded.method, unquote(recorded.path)):
        lines.append(f"sent as {sent.method} {sent.path}, recorded as {recorded.method} {recorded.path}")
    return lines + [str(difference) for difference in _unlike(step, playback)]


def _unlike(step: _Step, playback: Playback) -> list[Difference]:
    sent = json.loads(playback.sent[0].body)
    return list(differences(normal(step.body, step.api), normal(sent, step.api)))


async def _again(step: _Step, model: str, request: Request, before: _Turn | None) -> list[str]:
    """Return what differs if the turn before is sent as we decoded it, not as the recorded client wrote it.

    What a client left out of the turn, or changed in it, is no difference: that can be told by the raw answer, which
    does not have the recorded words.
    """
    if before is None:
        return []
    ours = spoken_again(request, before.request, before.response, empty_says_nothing=step.api == "chat")
    if ours is None:
        return []
    _, playback = await _answer(step, model, ours)
    if len(playback.sent) != 1:
        return [f"{len(playback.sent)} requests were sent, not one"]
    unlike = [found for found in _unlike(step, playback) if found.recorded is not MISSING]
    return [str(found) for found in unlike if said_in(found.recorded, before.body, key=_key(found))]


def _key(found: Difference) -> str:
    """Return the name of the field that differs; none for an element of a list, which has no name of its own."""
    return "" if found.place[-1].isdigit() else found.place[-1]


def _origin(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "nowhere" if trace is None else f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
