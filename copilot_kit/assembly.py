"""Builds the parts of one answer while it streams, and the events that tell of them. Used by every adapter."""

from copilot_kit.events import PartDelta, PartEnd, PartStart
from copilot_kit.messages import File, Foreign, Part, Reasoning, Text, ToolCall


class Assembly:
    """The parts of one answer, some finished, some still open.

    Contract for an adapter: `open` a part, `add_*` to it, `close` it; `finished()` are the parts of the response,
    `so_far()` those of a partial one.
    """

    __slots__ = ("_buffers", "_done", "_open")

    def __init__(self) -> None:
        self._open: dict[int, Part] = {}
        self._buffers: dict[int, list[str]] = {}
        self._done: dict[int, Part] = {}

    def open(self, part: Part, index: int | None = None) -> PartStart:
        """Begin a part; its index is the next free one. Its own text or arguments are what has come already."""
        if index is None:
            index = len(self._open) + len(self._done)
        self._open[index] = part
        begun = _content(part)
        self._buffers[index] = [begun] if begun else []
        return PartStart(index, part)

    def is_open(self, index: int) -> bool:
        """Tell whether this part was begun and not finished."""
        return index in self._open

    def part(self, index: int) -> Part:
        """Return a part as it was begun, or as it was finished."""
        return self._open[index] if index in self._open else self._done[index]

    def add_text(self, index: int, text: str) -> PartDelta:
        """Append words to an open text or reasoning part."""
        self._buffers[index].append(text)
        return PartDelta(index, text)

    def add_args(self, index: int, args_json: str) -> PartDelta:
        """Append to the arguments of an open call."""
        self._buffers[index].append(args_json)
        return PartDelta(index, None, args_json)

    def collected(self, index: int) -> str:
        """Return what has been added to an open part."""
        return "".join(self._buffers[index])

    def close(self, index: int, part: Part | None = None) -> PartEnd:
        """Finish a part: as given, or as it was begun with what was added. A call without arguments gets `{}`."""
        begun = self._open.pop(index)
        buffered = "".join(self._buffers.pop(index))
        finished = part if part is not None else _with_content(begun, buffered)
        self._done[index] = finished
        return PartEnd(index, finished)

    def whole(self, part: Part) -> tuple[PartStart, PartEnd]:
        """Begin and finish a part that came at once."""
        start = self.open(part)
        return start, self.close(start.index, part)

    def close_all(self) -> list[PartEnd]:
        """Finish every open part, in order."""
        return [self.close(index) for index in sorted(self._open)]

    def finished(self) -> tuple[Part, ...]:
        """Return the finished parts in order."""
        return tuple(self._done[index] for index in sorted(self._done))

    def so_far(self) -> tuple[Part, ...]:
        """Return all parts for a partial response; an unfinished call is kept as data that nothing can run."""
        parts = dict(self._done)
        for index, begun in self._open.items():
            part = _with_content(begun, "".join(self._buffers[index]))
            if isinstance(part, ToolCall):
                args = "".join(self._buffers[index])
                part = Foreign(kind="copilot_kit.partial_tool_call", value={"name": part.name, "args_json": args})
            parts[index] = part
        return tuple(parts[index] for index in sorted(parts))


def _content(part: Part) -> str:
    match part:
        case Text():
            return part.text
        case Reasoning():
            return part.text or ""
        case ToolCall():
            return part.args_json
        case _:
            return ""


def _with_content(part: Part, content: str) -> Part:
    match part:
        case Text():
            return part if part.text == content else part.model_copy(update={"text": content})
        case Reasoning():
            return part if (part.text or "") == content else part.model_copy(update={"text": content})
        case ToolCall():
            args = content if content.strip() else "{}"
            return part if part.args_json == args else part.model_copy(update={"args_json": args})
        case File() | _:
            return part
