"""A request as the bytes that go out: each message is encoded once, and a request is a join.

Cache marks, the grouping of results and the digests of prefixes are applied at the join, as they change from turn to
turn where the messages do not.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from copilot_kit.encoding import EncodedMessages
from copilot_kit.messages import Cache, Message, Reasoning
from copilot_kit.profile import Profile
from copilot_kit.request import AnyTool, OutputMode, OutputSpec, Request
from copilot_kit.response import Dropped
from copilot_kit.wire import Target
from copilot_kit_anthropic.context import FIELD
from copilot_kit_anthropic.conversation import Conversation, Conversations
from copilot_kit_anthropic.encoded import Block, Takes, Turn, mark_of, turn_of
from copilot_kit_anthropic.fields import Fields, fields_of, for_summaries, merged_betas
from copilot_kit_anthropic.json_bytes import Json, dumped
from copilot_kit_anthropic.profiles import Facts
from copilot_kit_anthropic.receipts import Receipts
from copilot_kit_anthropic.tools import answer_tool, tool_values

MAX_MARKS = 4
_HOUR = mark_of("1h")
_TOOL_BETAS = {
    "computer_20241022": "computer-use-2024-10-22",
    "computer_20250124": "computer-use-2025-01-24",
    "computer_20251124": "computer-use-2025-11-24",
    "advisor_20260301": "advisor-tool-2026-03-01",
    "mcp_toolset": "mcp-client-2025-11-20",
}


@dataclass(frozen=True, slots=True)
class Prepared:
    """What goes out, and what is to be said about it in the response."""

    body: bytes
    betas: tuple[str, ...]
    dropped: tuple[Dropped, ...]
    settings_used: Json
    output_mode: OutputMode | None
    answer_tool: str | None
    """The tool whose call is the answer, in output mode `tool`."""
    prefix_digest: str | None
    """Of everything sent: the prefix of the answer."""
    span: tuple[str, str] | None = None
    """Ids of the first and the last message after the system prompt: what a summary in the answer stands for."""


@dataclass(frozen=True, slots=True)
class _Tools:
    tools: tuple[AnyTool, ...]
    values: tuple[Json, ...]
    body: bytes
    receipts: tuple[Dropped, ...]
    marks: int
    betas: tuple[str, ...]


class Encoder:
    """Encodes the requests to one model."""

    __slots__ = (
        "_conversations",
        "_facts",
        "_last_tools",
        "_names_model",
        "_profile",
        "_provider",
        "_takes",
        "_target",
        "_turns",
    )

    def __init__(
        self, target: Target, *, provider: str, profile: Profile, facts: Facts, names_model: bool = True
    ) -> None:
        self._target = target
        self._provider = provider
        self._profile = profile
        self._takes = Takes(
            images=profile.media_in is None or any(kind.startswith("image") for kind in profile.media_in),
            summaries=profile.edits_context is None or "compact" in profile.edits_context,
        )
        self._facts = facts
        self._names_model = names_model
        self._turns: EncodedMessages[Turn] = EncodedMessages()
        self._conversations = Conversations()
        self._last_tools: _Tools | None = None

    def prepare(self, request: Request) -> Prepared:
        """Return the bytes of a request; raises `InvalidRequest` for what is not taken and must not be dropped."""
        receipts = Receipts(f"{self._provider}:{self._target.model}", request.settings.on_unsupported)
        fields = fields_of(
            request, provider=self._provider, profile=self._profile, facts=self._facts, receipts=receipts
        )
        tools = self._tools(request, fields, receipts)
        head = tuple(takewhile(_is_leading, request.messages))
        system = self._system(head, fields, request, receipts)
        talk = request.messages[len(head) :]
        conversation = self._conversations.of(talk, self._first_digest(system, tools), self._later_turn)
        if conversation.is_compacted and FIELD not in request.settings.extra.get(self._provider, {}):
            fields = for_summaries(fields)
        receipts.dropped.extend(conversation.dropped)
        marks = _Marks.for_request(request.settings.cache, tools, system, conversation)
        model: Json = {"model": self._target.model} if self._names_model else {}
        body = _joined({**model, **fields.values}, system=system, tools=tools, conversation=conversation, marks=marks)
        used = {k: v for k, v in fields.values.items() if k not in ("stream", "messages", "tools", "system")}
        return Prepared(
            body,
            merged_betas(fields.betas, tools.betas),
            tuple(receipts.dropped),
            used,
            fields.output_mode,
            request.output.name if request.output is not None and fields.output_mode == "tool" else None,
            conversation.digest.hex() if conversation.digest else None,
            (talk[0].id, talk[-1].id) if talk else None,
        )

    def _tools(self, request: Request, fields: Fields, receipts: Receipts) -> _Tools:
        if fields.output_mode == "tool" and request.output is not None:
            return self._made_tools(request.tools, [answer_tool(request.output)], receipts)
        last = self._last_tools
        if last is None or last.tools != request.tools or (last.receipts and receipts.on_unsupported == "error"):
            last = self._last_tools = self._made_tools(request.tools, [], receipts)
        else:
            receipts.dropped.extend(last.receipts)
        return last

    def _made_tools(self, tools: tuple[AnyTool, ...], more: list[Json], receipts: Receipts) -> _Tools:
        before = len(receipts.dropped)
        values = tool_values(tools, self._target, self._facts, receipts) + more
        betas = [_TOOL_BETAS[kind] for value in values if (kind := value.get("type")) in _TOOL_BETAS]
        return _Tools(
            tools,
            tuple(values),
            dumped(values)[1:-1],
            tuple(receipts.dropped[before:]),
            sum(1 for value in values if value.get("cache_control")),
            tuple(dict.fromkeys(betas)),
        )

    def _system(self, head: Sequence[Message], fields: Fields, request: Request, receipts: Receipts) -> list[Block]:
        turns = [self._turn(message, b"") for message in head]
        receipts.dropped.extend(dropped for turn in turns for dropped in turn.dropped)
        blocks = [block for turn in turns for block in turn.blocks]
        if fields.output_mode == "prompted" and request.output is not None:
            blocks.append(Block(dumped({"type": "text", "text": _instruction(request.output)})))
        return blocks

    def _turn(self, message: Message, digest: bytes) -> Turn:
        """Return the turn of a message, encoded only once for a given digest of what stands before it."""
        bound = bool(digest) and any(isinstance(part, Reasoning) for part in message.parts)
        prefix_digest = digest.hex() if bound else None
        return self._turns.lookup(
            message, prefix_digest, lambda m: turn_of(m, self._target, self._takes, prefix_digest=prefix_digest)
        )

    def _later_turn(self, message: Message, digest: bytes) -> Turn:
        """Return the turn of a message after the system prompt."""
        turn = self._turn(message, digest)
        return turn if turn.role != "system" or self._takes_system(message) else _as_user(turn, message)

    def _first_digest(self, system: Sequence[Block], tools: _Tools) -> bytes:
        if not self._target.binds_reasoning:
            return b""
        plain = [{k: v for k, v in value.items() if k != "cache_control"} for value in tools.values]
        return hashlib.sha256(dumped(plain) + b"\n".join([block.body for block in system])).digest()

    def _takes_system(self, message: Message) -> bool:
        recorded = message.wire is not None and self._target.reads(message.wire.origin)
        return recorded or self._facts.mid_system is not False


def _is_leading(message: Message) -> bool:
    inline = message.wire is not None and isinstance(message.wire.opaque, dict) and message.wire.opaque.get("inline")
    return message.role == "system" and not inline


def _as_user(turn: Turn, message: Message) -> Turn:
    receipt = Dropped(kind="feature", name="system message", reason="the model takes one only at the beginning",
                      message_id=message.id, became="a user message in <system> tags")  # fmt: skip
    opening, closing = (Block(dumped({"type": "text", "text": tag})) for tag in ("<system>", "</system>"))
    blocks = (opening, *turn.blocks, closing)
    joined = b",".join([block.marked(block.mark) for block in blocks])
    bare = b",".join([block.body for block in blocks])
    dropped = (*turn.dropped, receipt)
    return replace(turn, role="user", blocks=blocks, dropped=dropped, whole=joined, bare=bare, joins=True)


def _instruction(spec: OutputSpec) -> str:
    about = f" ({spec.description})" if spec.description else ""
    text = dumped(spec.json_schema).decode()
    return (
        f"Answer with one JSON value{about} and nothing else: no code fence, no words around it. JSON schema:\n{text}"
    )


@dataclass(frozen=True, slots=True)
class _Marks:
    """Where marks are added to those that the caller set; `off` leaves out the caller's own, too."""

    off: bool = False
    mark: bytes | None = None
    tools: bool = False
    system: bool = False
    turns: frozenset[int] = frozenset()

    @classmethod
    def for_request(
        cls, cache: Cache | str | None, tools: _Tools, system: Sequence[Block], conversation: Conversation
    ) -> "_Marks":
        """Return the marks of the stable prefix: the last message, system, tools, and where the last request ended."""
        if cache == "off":
            return cls(off=True)
        if cache not in ("auto", "5m", "1h"):
            return cls()
        mark = mark_of(cache)  # type: ignore[arg-type]
        left = MAX_MARKS - tools.marks - sum(1 for b in system if b.mark) - conversation.marks
        # A mark that lives longer must not come after one that lives shorter.
        alike = mark == _HOUR or _HOUR not in (*conversation.kinds, *(b.mark for b in system))
        ends = conversation.ends
        chosen = set(ends[-1:]) if left > 0 else set()
        left -= len(chosen)
        on_system = left > 0 and alike and bool(system) and system[-1].mark is None
        left -= on_system
        on_tools = left > 0 and alike and bool(tools.values) and not tools.values[-1].get("cache_control")
        left -= on_tools
        if left > 0 and alike:
            turns = conversation.turns
            chosen |= set(next(([i] for i in reversed(ends[:-1]) if turns[i + 1].role == "assistant"), ()))
        return cls(mark=mark, tools=on_tools, system=on_system, turns=frozenset(chosen))


def _joined(
    fields: Json, *, system: Sequence[Block], tools: _Tools, conversation: Conversation, marks: _Marks
) -> bytes:
    pieces = [dumped(fields)[:-1]]
    if system:
        pieces.append(b',"system":[' + _blocks(system, marks.mark if marks.system else None, off=marks.off) + b"]")
    if tools.values:
        pieces.append(b',"tools":[' + _tools_body(tools, marks) + b"]")
    if "messages" not in fields:
        body = conversation.body_without_marks() if marks.off else conversation.body(marks.mark, marks.turns)
        pieces += [b',"messages":[', body, b"]"]
    return b"".join([*pieces, b"}"])


def _tools_body(tools: _Tools, marks: _Marks) -> bytes:
    if marks.off and tools.marks:
        return dumped([{k: v for k, v in tool.items() if k != "cache_control"} for tool in tools.values])[1:-1]
    return Block(tools.body).marked(marks.mark if marks.tools else None)


def _blocks(blocks: Sequence[Block], last: bytes | None, *, off: bool) -> bytes:
    own = [block.body if off else block.marked(block.mark) for block in blocks[:-1]]
    end = blocks[-1]
    return b",".join([*own, end.body if off else end.marked(last or end.mark)])
