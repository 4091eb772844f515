"""What a model can know from one request and nothing else: its words, calls and results, put in order."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from copilot_kit.messages import Message, Summary, Text, ToolCall, ToolResult
from copilot_kit.request import Request

NOTES = "/memories/records"
CORRECTIONS = "/memories/corrections.md"
_RECORD = re.compile(
    r"Record (\d+)\. .*?The customer is ([^.]+) of (\w+)\. .*?The amount is ([\d.]+) EUR\. Remark: ([^.]+)\."
)
_LINE = re.compile(r"^(?:\s*\d+\t)?(\d+) \| ([^|\n]+) \| ([\d.]+) \| (\w+) \| (\w)$", re.MULTILINE)
_CORRECTION = re.compile(
    r"Correction (\d+): (?:from now on book (\w+) customers on account (\w)|"
    r"the amount of record (\d+) is (\d+\.\d\d))\."
)
_BOOKING = re.compile(r'\{"record": ?(\d+), ?"account": ?"(\w)", ?"amount": ?"[\d.]+"\}')
_DONE = re.compile(r"^- book (\{.*?\}): done", re.MULTILINE)
_FILE = re.compile(r"^- (/memories/\S+) \(", re.MULTILINE)
_SHOWN = re.compile(r"^(/memories/\S+):$", re.MULTILINE)
_STATE = re.compile(r"^(?:\s*\d+\t)?(State: .*)$", re.MULTILINE)
_HANDOVER = re.compile(r"This window is nearly full.* best to (/memories/\S+): what is done")
_LATER = "The user said later:\n"
_TASK = "The task, in the user's words:\n"
_OPENS = "This task goes on in a new window"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a record; no account: it is not booked yet, as far as this says."""

    customer: str
    amount: str
    city: str
    account: str = ""
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """A correction as it stands somewhere in the request."""

    words: str
    city: str = ""
    account: str = ""
    record: int = 0
    amount: str = ""


@dataclass(slots=True)
class Desk:
    """All that a request says."""

    asked: str = ""
    """The user's last words."""
    read: dict[int, Facts] = field(default_factory=dict)
    lines: dict[int, Facts] = field(default_factory=dict)
    """Lines of notes, wherever they stand."""
    noted: set[int] = field(default_factory=set)
    booked: dict[int, str] = field(default_factory=dict)
    """Accounts, by record."""
    corrections: dict[int, Told] = field(default_factory=dict)
    noted_corrections: set[int] = field(default_factory=set)
    files: set[str] = field(default_factory=set)
    whole: set[str] = field(default_factory=set)
    """Files that were shown from beginning to end."""
    state: str = ""
    """The line of the notes that says how far the work is."""
    state_path: str = ""
    """Where the model was told to write before the window closes; empty: it was not told yet."""
    wrote_since: bool = False
    """It has written there since it was told."""
    gaps: bool = False
    """Some of the user's words are not shown."""
    quoted: dict[int, str] = field(default_factory=dict)
    """Accounts, by record, in calls that were found in the record of the conversation."""
    recalled: list[str] = field(default_factory=list)
    """What was looked for in the record of the conversation."""
    viewed: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, request: Request) -> "Desk":
        """Return what this request says."""
        desk, calls = cls(), dict[str, ToolCall]()
        for message in request.messages:
            calls |= {call.call_id: call for call in message.calls}
            desk._take(message, calls)
        return desk

    def account_for(self, city: str) -> str:
        """Return the account on which a city's customers are booked by now."""
        told = [one for _, one in sorted(self.corrections.items()) if one.city == city]
        return told[-1].account if told else "A"

    def amount_of(self, record: int, written: str) -> str:
        """Return the amount of a record, as it was corrected."""
        told = [one for _, one in sorted(self.corrections.items()) if one.record == record]
        return told[-1].amount if told else written

    def _take(self, message: Message, calls: dict[str, ToolCall]) -> None:
        text = _words(message)
        match message.role:
            case "user" if text.startswith(_OPENS):
                self._open(text)
            case "user" if (asks := _HANDOVER.search(text)) is not None:
                self.state_path, self.wrote_since = asks[1], False
            case "user":
                self._hear(text.rpartition("\n\n")[2] if text.startswith("Your memory holds") else text)
            case "tool":
                for part in message.parts:
                    if isinstance(part, ToolResult) and part.call_id in calls:
                        self._hold(calls[part.call_id], part)
            case _:
                pass

    def _hear(self, words: str) -> None:
        self.asked = words
        self._correct(words)

    def _correct(self, text: str, *, noted: bool = False) -> None:
        for number, city, account, record, amount in _CORRECTION.findall(text):
            words = _CORRECTION.search(text, text.index(f"Correction {number}:"))
            told = Told("" if words is None else words[0], city, account, int(record or 0), amount)
            self.corrections[int(number)] = told
            if noted:
                self.noted_corrections.add(int(number))

    def _open(self, text: str) -> None:
        """Take in the message with which a window begins."""
        said, _, rest = text.partition(_TASK)[2].partition("\n\n")
        while rest.startswith(_LATER):
            more, _, rest = rest.removeprefix(_LATER).partition("\n\n")
            said = f"{said}\n{_LATER}{more}"
        self._hear(said.rpartition(_LATER)[2].strip())
        self._correct(said)
        self.gaps = "messages of the user in between" in text
        for done in map(json.loads, _DONE.findall(text)):
            self.booked[done["record"]] = done["account"]
        self.files |= set(_FILE.findall(text))
        for path, shown in _sections(text):
            self.files.add(path)
            self._note(path, shown, whole=" more lines; view the file]" not in shown and " lines left out" not in shown)
        self._read_lines(text)

    def _note(self, path: str, text: str, *, whole: bool) -> None:
        """Take in a file of the notes, or some of its lines."""
        if whole:
            self.whole.add(path)
        if path == CORRECTIONS:
            self._correct(text, noted=True)
        self.noted |= self._read_lines(text)
        if state := _STATE.findall(text):
            self.state = state[-1]

    def _read_lines(self, text: str) -> set[int]:
        found = {int(n): Facts(customer, amount, city, account)
                 for n, customer, amount, city, account in _LINE.findall(text)}  # fmt: skip
        self.lines |= found
        return set(found)

    def _hold(self, call: ToolCall, result: ToolResult) -> None:
        """Take in what became of a call."""
        arguments = json.loads(call.args_json)
        match call.name:
            case "read_record":
                self._see(result.text)
            case "book" if result.outcome == "ok":
                self.booked[arguments["record"]] = arguments["account"]
            case "recall":
                self.recalled.append(arguments.get("query") or arguments.get("message"))
                self._see(result.text)
                self._correct(result.text)
                self.quoted |= {int(record): account for record, account in _BOOKING.findall(result.text)}
            case "memory":
                self._remember(arguments, result)
            case _:
                pass

    def _see(self, text: str) -> None:
        for number, customer, city, amount, remark in _RECORD.findall(text):
            self.read[int(number)] = Facts(customer, amount, city, remark=remark)

    def _remember(self, arguments: dict[str, str], result: ToolResult) -> None:
        path, command = arguments["path"], arguments["command"]
        if command == "view":
            self.viewed.append(path)
            self.files.add(path) if result.outcome == "ok" else self.files.discard(path)
            self._note(path, result.text, whole="view_range" not in arguments and "lines are shown" not in result.text)
        elif result.outcome == "ok":
            self.files.add(path)
            self.wrote_since = bool(self.state_path)
            text = arguments.get("file_text") or arguments.get("insert_text") or arguments.get("new_str", "")
            self._note(path, text, whole=command == "create" or path in self.whole)
        elif "already exists" in result.text:
            self.files.add(path)


def _words(message: Message) -> str:
    return "".join(part.text or "" for part in message.parts if isinstance(part, Text | Summary))


def _sections(text: str) -> Iterator[tuple[str, str]]:
    """Yield the files that an opening shows, each with the lines that it shows of it."""
    heads = list(_SHOWN.finditer(text))
    for head, after in zip(heads, [*heads[1:], None], strict=True):
        shown = text[head.end() : None if after is None else after.start()]
        yield head[1], shown.partition("\n\n")[0]
