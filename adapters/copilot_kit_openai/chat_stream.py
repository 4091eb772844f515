"""Reads the chunks of a chat completion stream and tells what they mean, as they come.

The hot path is one JSON object, a look at its delta, and one event; no object of an SDK is built.
"""

from typing import Any

from pydantic import JsonValue

from copilot_kit.assembly import Assembly
from copilot_kit.events import Ended, Event, PartDelta, Started
from copilot_kit.ids import new_id
from copilot_kit.messages import File, Reasoning, Text, ToolCall, Wire
from copilot_kit.response import Response, Served, Stop
from copilot_kit_openai.chat_answer import (
    MESSAGE_FIELDS,
    Asked,
    Facts,
    answer_parts,
    audio_bytes,
    bad_answer,
    check_choice,
    citations_of,
    content_item,
    executed_parts,
    has_words,
    image_part,
    json_of,
    response_of,
    uncut,
    word_of,
)
from copilot_kit_openai.chat_calls import Calls
from copilot_kit_openai.chat_parse import reasoning_of_detail
from copilot_kit_openai.failures import payload_failure, truncated
from copilot_kit_openai.prompted import called, unfenced


class Reading:
    """One answer while it is read, whole or in chunks.

    `whole` or `feed` … `finish` return the events; both raise `ModelError` for what is no answer. `partial` is what
    had come by then.
    """

    __slots__ = ("_annotations", "_asked", "_assembly", "_audio", "_calls", "_detail", "_executed", "_facts",
                 "_held", "_others", "_reasoning", "_sound", "_started", "_text", "_text_field", "begun",
                 "done")  # fmt: skip

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._assembly = Assembly()
        self._facts = Facts()
        self._started = False
        self._text: int | None = None
        self._text_field = "content"
        self._reasoning: int | None = None
        self._detail: dict[str, Any] | None = None
        self._calls = Calls(asked, self._assembly)
        self._executed: dict[Any, tuple[str, bool]] = {}
        self._annotations: list[Any] = []
        self._audio: dict[str, Any] = {}
        self._sound: int | None = None
        self._others: dict[int, dict[str, Any]] = {}
        in_words = asked.outgoing.prompted_tools or asked.outgoing.output_mode == "prompted"
        self._held: str | None = "" if in_words else None
        self.begun = False
        """Has any of the answer been told?"""
        self.done = False
        """The provider has said that nothing more comes."""

    def partial(self) -> Response | None:
        """Return what had come, or None if nothing had."""
        if not self._started:
            return None
        stop = Stop(kind="error", raw=self._facts.finish)
        return response_of(self._asked, self._facts, self._assembly.so_far(), stop=stop)

    def whole(self, body: bytes) -> list[Event]:
        """Return the events of a body that is the whole answer."""
        asked, facts = self._asked, self._facts
        try:
            told = json_of(body)
        except ValueError as error:
            raise bad_answer(asked, _what(body)) from error
        if not isinstance(told, dict):
            raise bad_answer(asked, _what(body))
        self._check_error(told)
        choices = told.get("choices")
        if not isinstance(choices, list) or not choices:
            raise (payload_failure(told, model=asked.id, started=False) if "message" in told
                   else bad_answer(asked, "no choices"))  # fmt: skip
        facts.note(told)
        events: list[Event] = [self._start()]
        first = choices[0]
        check_choice(first, asked, started=False)
        facts.note_choice(first)
        facts.finish, facts.logprobs = word_of(first.get("finish_reason")), first.get("logprobs")
        facts.others = choices[1:]
        message = first.get("message") or {}
        self._note_message(message)
        for part in answer_parts(message, asked):
            events += self._assembly.whole(uncut(part, facts.finish))
        return [*events, Ended(response_of(asked, facts, self._assembly.finished()))]

    def feed(self, data: bytes) -> list[Event]:
        """Return the events of one chunk's data."""
        if data.startswith(b"[DONE]"):
            self.done = True
            return []
        try:
            chunk = json_of(data)
        except ValueError as error:
            raise bad_answer(self._asked, f"a chunk that is no JSON ({data[:80]!r})", started=self.begun) from error
        if not isinstance(chunk, dict):
            raise bad_answer(self._asked, f"a chunk that is no object ({data[:80]!r})", started=self.begun)
        if "error" in chunk:
            self._check_error(chunk)
        choices = chunk.get("choices")
        events: list[Event] = []
        if not self._started:
            if choices is None and chunk.get("object") == "error":  # Mistral's envelope
                raise payload_failure(chunk, model=self._asked.id, started=False)
            self._facts.note(chunk)
            events.append(self._start())
        if not choices or "usage" in chunk:
            self._facts.note(chunk)
        for choice in choices or ():
            if choice.get("index"):
                self._other(choice)
            else:
                self._choice(chunk, choice, events)
        if events and not (self.begun or isinstance(events[-1], Started)):
            self.begun = True
        return events

    def finish(self) -> list[Event]:
        """Return the last events; raises if the stream ended before its end mark."""
        asked, facts = self._asked, self._facts
        if facts.finish is None and not (self.done and facts.usage is not None):  # counted and marked: it is whole
            raise truncated(asked.id, started=self.begun, missing="a finish_reason")
        if asked.dialect.done == "expected" and not self.done:
            raise truncated(asked.id, started=self.begun, missing="its [DONE]")
        events: list[Event] = []
        self._release(events)
        self._close_reasoning(events)
        self._close_rest(events)
        facts.others = list(self._others.values())
        return [*events, Ended(response_of(asked, facts, self._assembly.finished()))]

    def _start(self) -> Started:
        self._started = True
        served = Served(asked=self._asked.model, provider=self._asked.dialect.name, served=self._facts.served)
        return Started(served, self._facts.response_id)

    def _check_error(self, told: dict[str, Any]) -> None:
        if error := told.get("error"):
            envelope = told if isinstance(error, str) else error
            raise payload_failure(envelope, model=self._asked.id, started=self.begun, status=200)

    def _choice(self, chunk: dict[str, Any], choice: dict[str, Any], events: list[Event]) -> None:
        delta = choice.get("delta")
        if delta is None:
            delta = choice.get("message") or {}
            self._facts.note_choice(choice)
        for name, value in delta.items():
            if not value or name == "role":
                continue
            if name == "content":
                self._content(value, events)
            else:
                self._other_field(name, value, delta, events)
        if (logprobs := choice.get("logprobs")) is not None:
            self._add_logprobs(logprobs)
        finish = word_of(choice.get("finish_reason"))
        if finish is not None:
            self._facts.finish = finish
            self._facts.note(chunk)
            self._facts.note_choice(choice)
        if finish is not None or "error" in choice:
            check_choice(choice, self._asked, started=self.begun)

    def _content(self, value: Any, events: list[Event]) -> None:
        if isinstance(value, str):
            told = value if self._held is None else self._unheld(value)
            if told is not None:
                self._add_text(told, events)
            return
        for item in value if isinstance(value, list) else ():
            for part in content_item(item, self._asked):
                if isinstance(part, Reasoning):
                    self._add_reasoning(part.text or "", part.wire, events)
                elif isinstance(part, Text) and not part.refusal:
                    self._add_text(part.text, events)
                else:
                    events += self._assembly.whole(part)

    def _unheld(self, value: str) -> str | None:
        """Return the words to tell now: none as long as they may turn out to be a call, or JSON in a fence."""
        held = self._held = (self._held or "") + value
        begun = held.lstrip()[:1]
        if not begun or begun == "`" or (begun == "{" and self._asked.outgoing.prompted_tools):
            return None
        self._held = None
        return held

    def _release(self, events: list[Event]) -> None:
        """Tell what was held back: a call, or words after all."""
        held, self._held = self._held, None
        if not held:
            return
        outgoing = self._asked.outgoing
        if found := called(held, outgoing.prompted_tools):
            events += self._assembly.whole(ToolCall(call_id=new_id("call"), name=found[0], args_json=found[1]))
        else:
            self._add_text(unfenced(held) if outgoing.output_mode == "prompted" else held, events)

    def _add_text(self, text: str, events: list[Event], field_name: str = "content") -> None:
        assembly = self._assembly
        if self._text is None or self._text_field != field_name:
            self._close_reasoning(events)
            start = assembly.open(Text(text="", refusal=field_name == "refusal"))
            self._text, self._text_field = start.index, field_name
            events.append(start)
        events.append(assembly.add_text(self._text, text))

    def _other_field(self, name: str, value: Any, delta: dict[str, Any], events: list[Event]) -> None:
        match name:
            case "reasoning_details":
                self._details(value, events)
            case "reasoning" | "reasoning_content" | "reasoning_text":
                self._think(name, value, delta, events)
            case "tool_calls":
                self._close_reasoning(events)
                for position, call in enumerate(value):
                    self._calls.take(call, position, events)
            case "refusal":
                self._add_text(value, events, "refusal")
            case "function_call":
                self._calls.take({"type": "legacy", "function": value}, "legacy", events)
            case "channel":
                pass  # Groq says with each piece of reasoning that it is reasoning
            case _:
                self._rare_field(name, value, events)

    def _rare_field(self, name: str, value: Any, events: list[Event]) -> None:
        match name:
            case "executed_tools":
                for position, tool in enumerate(value):
                    self._execute(tool, position, events)
            case "annotations":
                self._annotations += value
            case "audio":
                self._speak(value, events)
            case "images":
                images = [image_part(image, self._asked) for image in value]
                events += [event for part in images if part is not None for event in self._assembly.whole(part)]
            case _:
                self._facts.message[name] = value

    def _think(self, name: str, value: Any, delta: dict[str, Any], events: list[Event]) -> None:
        """Take a piece of plain reasoning, unless the same delta says it in a better place too."""
        said_twice = has_words(delta.get("reasoning_details")) or (
            name == "reasoning" and delta.get("reasoning_content")
        )
        if isinstance(value, str) and not said_twice:
            self._add_reasoning(value, Wire(origin=self._asked.origin, opaque={"field": name}), events)

    def _add_reasoning(self, text: str, wire: Wire | None, events: list[Event]) -> None:
        if self._reasoning is None or self._detail is not None:
            self._close_reasoning(events)
            start = self._assembly.open(Reasoning(text="", wire=wire))
            self._reasoning = start.index
            events.append(start)
        if text:
            events.append(self._assembly.add_text(self._reasoning, text))

    def _details(self, details: list[dict[str, Any]], events: list[Event]) -> None:
        """Take pieces of `reasoning_details`: what has the same type and index is one, its words are put together."""
        for detail in details:
            key = next((name for name in ("text", "summary") if isinstance(detail.get(name), str)), None)
            open_one = self._detail
            same = open_one is not None and all(open_one.get(n) == detail.get(n) for n in ("type", "index"))
            if not same or "data" in detail or self._reasoning is None:
                self._close_reasoning(events)
                part = reasoning_of_detail(
                    {**detail, **({key: ""} if key else {})}, self._asked.origin, self._asked.model
                )
                start = self._assembly.open(part)
                self._reasoning, self._detail = start.index, {}
                events.append(start)
            if self._detail is not None:
                self._detail |= {name: value for name, value in detail.items() if value is not None and name != key}
                if key:
                    self._detail.setdefault(key, "")
            if key and detail[key] and self._reasoning is not None:
                events.append(self._assembly.add_text(self._reasoning, detail[key]))

    def _close_reasoning(self, events: list[Event]) -> None:
        index, detail = self._reasoning, self._detail
        self._reasoning = self._detail = None
        if index is None:
            return
        if detail is None:
            events.append(self._assembly.close(index))
            return
        words = self._assembly.collected(index)
        key = next((name for name in ("text", "summary") if name in detail), None)
        whole = {**detail, key: words} if key else detail
        events.append(self._assembly.close(index, reasoning_of_detail(whole, self._asked.origin, self._asked.model)))

    def _execute(self, tool: dict[str, Any], position: int, events: list[Event]) -> None:
        """Take a tool that the provider runs: told once without output and again with it."""
        key = tool.get("index", position)
        call_id, answered = self._executed.get(key, (None, False))
        if answered:
            return
        parts = executed_parts(tool, self._asked.origin, call_id)
        for part in parts:
            self._close_reasoning(events)
            events += self._assembly.whole(part)
            if isinstance(part, ToolCall):
                call_id = part.call_id
        self._executed[key] = (call_id or "", tool.get("output") is not None)

    def _speak(self, audio: dict[str, Any], events: list[Event]) -> None:
        """Take a piece of speech: sound as bytes, its transcript as text."""
        self._audio |= {name: audio[name] for name in ("id", "expires_at") if audio.get(name)}
        if words := audio.get("transcript"):
            self._add_text(words, events, "transcript")
        sound = audio_bytes(audio.get("data"))
        if not sound:
            return
        if self._sound is None:
            kind = "pcm" if self._asked.outgoing.audio_format == "pcm16" else self._asked.outgoing.audio_format
            start = self._assembly.open(File(media_type=f"audio/{kind}", data=b""))
            self._sound = start.index
            self._audio["data"] = []
            events.append(start)
        self._audio["data"].append(sound)
        events.append(PartDelta(self._sound, data=sound))

    def _close_rest(self, events: list[Event]) -> None:
        """Finish the open parts, each in its final form."""
        assembly, facts, origin = self._assembly, self._facts, self._asked.origin
        self._calls.close(facts.finish, events)
        if self._sound is not None:
            opaque: dict[str, JsonValue] = {"audio": {"expires_at": self._audio.get("expires_at")}}
            begun = assembly.part(self._sound)
            wire = Wire(origin=origin, id=self._audio.get("id"), opaque=opaque)
            whole = begun.model_copy(update={"data": b"".join(self._audio["data"]), "wire": wire})
            events.append(assembly.close(self._sound, whole))
        if self._annotations:
            facts.message["annotations"] = self._annotations
        citations = citations_of(self._annotations, origin)
        if self._text is not None and assembly.is_open(self._text):
            part = Text(text=assembly.collected(self._text), citations=citations, refusal=self._text_field == "refusal")
            if self._text_field == "transcript":
                part = part.model_copy(update={"wire": Wire(origin=origin, opaque={"transcript": True})})
            events.append(assembly.close(self._text, part))
        events += assembly.close_all()

    def _add_logprobs(self, told: Any) -> None:
        kept = self._facts.logprobs
        if not isinstance(kept, dict):
            kept = self._facts.logprobs = {}
        for name, value in (told if isinstance(told, dict) else {}).items():
            held = kept.get(name)
            kept[name] = [*held, *value] if isinstance(held, list) and isinstance(value, list) else (value or held)

    def _other(self, choice: dict[str, Any]) -> None:
        """Keep the second and further of several choices as data."""
        kept = self._others.setdefault(choice["index"], {"index": choice["index"], "message": {"content": ""}})
        delta = choice.get("delta") or {}
        if isinstance(delta.get("content"), str):
            kept["message"]["content"] += delta["content"]
        if calls := delta.get("tool_calls"):
            kept["message"].setdefault("tool_call_deltas", []).extend(calls)
        if finish := choice.get("finish_reason"):
            kept["finish_reason"] = finish

    def _note_message(self, message: dict[str, Any]) -> None:
        for name, value in message.items():
            if value is not None and name not in MESSAGE_FIELDS:
                self._facts.message[name] = value
        if isinstance(message.get("annotations"), list):
            self._facts.message["annotations"] = message["annotations"]


def _what(body: bytes) -> str:
    start = body.lstrip()[:1]
    if start == b"<":
        return "a web page"
    return "an empty body" if not start else f"something that is no JSON ({body[:80]!r})"
