"""`copilot-kit chat`: talk to a model, and to another one in mid-conversation."""

import sys
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

import typer

from copilot_kit.agent import Agent, AgentEvent, Run
from copilot_kit.cli.default_model import default_model
from copilot_kit.cli.record_lines import dropped_lines
from copilot_kit.cli.screen import dim, json_text, shown, spent, told
from copilot_kit.display import escaped, visible
from copilot_kit.errors import CopilotError, ModelError, UnknownModel, UsageError
from copilot_kit.events import PartDelta, PartStart, closing
from copilot_kit.journal import Entry
from copilot_kit.journal.windows import window_words
from copilot_kit.messages import Reasoning, Text
from copilot_kit.records import HandoverAsked, Interrupted, ModelSwitched, Responded, ResultsCleared, WindowClosed
from copilot_kit.response import Response
from copilot_kit.slots import open_model

_HELP: Final = "/model NAME switches the model · /usage what it cost so far · /quit ends"
_PATIENCE_S: Final = 10.0
"""How long an interrupted answer may take to be written down."""


def chat(
    words: Annotated[str | None, typer.Argument(help="The first thing to say.")] = None,
    *,
    model: Annotated[str | None, typer.Option(help="A slot, or provider:model.")] = None,
    system: Annotated[str, typer.Option(help="Instructions for the model.")] = "",
    journal: Annotated[
        str | None,
        typer.Option("--store", "--journal", metavar="URL", help="Where it is kept; `memory` for nowhere."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print each answer as one line of JSON.")] = False,
) -> int:
    """Talk to a model in the terminal, without tools; switch to another one with /model NAME at any time.

    Each answer is followed by what it cost and what did not carry over. Lines from a pipe are answered one by one;
    it then exits with 1 if the last one got no answer.

    Example: copilot-kit chat --model anthropic:claude-sonnet-5
    """
    from copilot_kit.journal.opening import open_store
    from copilot_kit.sync import wait

    name, why = (model, "") if model is not None else default_model()
    if why:
        told(dim(f"model {visible(name)}: {why}"))
    open_model(name)
    store = open_store(journal)
    try:
        talk = Talk(Agent(name, instructions=system, name="chat", store=store), json=json)
        if sys.stdin.isatty():
            told(dim(f"{visible(name)} · {_HELP}"))
        for line in _lines(words):
            if not talk.take(line):
                break
    finally:
        wait(store.close())
    return 1 if talk.failed and not sys.stdin.isatty() else 0


@dataclass(slots=True)
class Talk:
    """A conversation as it goes on."""

    agent: Agent[Any]
    run: Run[Any] | None = None
    next_model: str | None = None
    json: bool = False
    failed: bool = False
    """The last question got no answer."""

    def take(self, line: str) -> bool:
        """Do what the line says, or ask the model; returns whether to go on."""
        command, _, rest = line.strip().partition(" ")
        match command:
            case "":
                return True
            case "/quit" | "/exit":
                return False
            case "/help" | "/?":
                told(_HELP)
            case "/usage":
                told(spent(self.run.usage) if self.run is not None else "Nothing was asked yet.")
            case "/model":
                self._switch(rest.strip())
            case _ if command.startswith("/"):
                told(f"There is no command {visible(command)!r}. {_HELP}")
            case _:
                self._ask(line)
        return True

    def _switch(self, name: str) -> None:
        try:
            open_model(name)
        except UnknownModel as error:
            told(str(error))
        except CopilotError as error:
            told(f"{error} The conversation goes on with the model before.")
        else:
            self.next_model = name
            told(dim(f"the next answer comes from {visible(name)}"))

    def _ask(self, line: str) -> None:
        from copilot_kit.sync import wait

        if self.run is None:
            if self.next_model is not None:
                self.agent.model, self.next_model = self.next_model, None
            events = self.agent.stream(line)
        else:
            events = self.agent.stream_say(self.run.id, line, model=self.next_model)
        printer = _Printer(json=self.json)
        self.failed = True
        ended = threading.Event()
        try:
            self.run = wait(_told(events, printer, ended))
            self.next_model, self.failed = None, False
        except (ModelError, UsageError) as error:  # of the model; another one may be named now
            printer.end()
            told(visible(str(error)))
        except KeyboardInterrupt:
            ended.wait(_PATIENCE_S)
            printer.end()
            told("stopped; what came of the answer is kept")
        self._remember(printer)

    def _remember(self, printer: "_Printer") -> None:
        """Keep the conversation also where an answer broke off."""
        from copilot_kit.sync import wait

        if printer.run_id is not None and (self.run is None or self.run.id == printer.run_id):
            self.run = wait(self.agent.load(printer.run_id))


async def _told(events: AsyncIterator[AgentEvent | Run[Any]], printer: "_Printer", ended: threading.Event) -> Run[Any]:
    """Print the events and return the run; `ended` is set when nothing of it goes on any more, whatever the reason."""
    try:
        async with closing(events):
            async for event in events:
                if isinstance(event, Run):
                    return event
                printer.take(event)
        raise UsageError("The events ended without their run. Report this.")
    finally:
        ended.set()


@dataclass(slots=True)
class _Printer:
    """Prints an answer as it comes, whole words at a time, so that nothing in it can act on the terminal."""

    json: bool = False
    held: str = ""
    run_id: str | None = None
    thinking: set[int] = field(default_factory=set)
    open_line: bool = False

    def take(self, event: AgentEvent) -> None:
        match event:
            case Entry(head, Responded(response=response)) if self.json:
                self.run_id = head.run_id
                shown(_line_of(head.run_id, response))
            case PartStart() | PartDelta() if self.json:
                pass
            case PartStart(index, Reasoning()):
                self.thinking.add(index)
                sys.stderr.write(dim("thinking … "))
                sys.stderr.flush()
            case PartStart(_, Text(text=text)):
                self._write(text)
            case PartDelta(index, str(text)) if index not in self.thinking:
                self._write(text)
            case Entry(head, body):
                self.run_id = head.run_id
                self._told_of(body)
            case _:
                pass

    def end(self) -> None:
        """Finish the line."""
        sys.stdout.write(_safe(self.held) + ("\n" if self.open_line or self.held else ""))
        sys.stdout.flush()
        self.held, self.open_line = "", False

    def _write(self, text: str) -> None:
        self.held += text
        cut = max(self.held.rfind(" "), self.held.rfind("\n")) + 1
        if cut:
            sys.stdout.write(_safe(self.held[:cut]))
            sys.stdout.flush()
            self.held, self.open_line = self.held[cut:], True

    def _told_of(self, body: object) -> None:
        match body:
            case Responded(response=response):
                self.end()
                name = response.model.served or response.model.asked
                told(dim(f"{visible(name)} · {spent(response.usage)}"))
                for line in dropped_lines(response):
                    told(dim(f"dropped: {line}"))
            case Interrupted():
                self.end()
            case ModelSwitched(model=model):
                told(dim(f"now {visible(model)}"))
            case HandoverAsked() | ResultsCleared() | WindowClosed() as moved:
                told(dim(window_words(moved)))
            case _:
                pass


def _line_of(run_id: str, response: Response) -> str:
    said = response.model_dump(mode="json", include={"model", "usage", "dropped", "state"})
    return json_text({"run_id": run_id, "text": response.text, **said})


def _safe(text: str) -> str:
    return "\n".join(escaped(line) for line in text.split("\n"))


def _lines(words: str | None) -> Iterator[str]:
    if words is not None:
        yield words
        if not sys.stdin.isatty():
            return
    if not sys.stdin.isatty():
        yield from (line.rstrip("\r\n") for line in sys.stdin)
        return
    import readline  # noqa: F401  gives `input` its editing keys

    while True:
        try:
            yield input("> ")
        except EOFError:
            shown()
            return
