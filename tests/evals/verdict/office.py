"""A small office: three kinds of tasks, models that do them as well as a test wants, and wires that are broken.

The models do what a real one does with what reaches it: without instructions they chat, without tools they talk about
the weather, without a question they ask for one. So a broken wire shows as it would.
"""

import json
from collections.abc import AsyncIterator, Callable
from random import Random

from copilot_kit.events import Ended, Event
from copilot_kit.messages import Message, Text, ToolCall
from copilot_kit.model import Model, complete
from copilot_kit.profile import Profile
from copilot_kit.request import Request, ToolSpec
from copilot_kit.response import Response, Served, Stop, Usage
from copilot_kit_evals.items import Dataset, Item
from copilot_kit_evals.scores import Output, Score, scorer
from copilot_kit_evals.tasks import Ask, Task

CITIES = ("Lagos", "Lima", "Oslo", "Rome", "Kyoto", "Quito", "Accra", "Perth", "Delhi", "Cairo", "Malmo", "Turin",
          "Porto", "Basel", "Ghent", "Tunis", "Davao", "Miami", "Leeds", "Sofia")  # fmt: skip
WEATHER = ToolSpec(
    name="find_weather",
    description="Tells the weather of a city on a day of this week.",
    parameters={
        "type": "object",
        "required": ["city"],
        "properties": {"city": {"type": "string"}, "day": {"type": "string"}},
    },
)
LONG = "You work in the office of a harbour. People write to you all day, and what you write is read by a program. "
READ = LONG + "Extract from the letter who pays and how much. Answer with a JSON object of payer and euros, alone."
WRITE = LONG + "Write two sentences on the city that is named, with its name in them. End with REGARDS, HARBOUR."


@scorer
def called(item: Item, output: Output) -> bool:
    return [(call.name, json.loads(call.args_json).get("city")) for call in output.calls] == [
        ("find_weather", item.target)
    ]


@scorer
def extracted(item: Item, output: Output) -> Score:
    try:
        found = json.loads(output.text)
    except ValueError:
        return Score(value=0.0, meta={"unparsed": True})
    return Score(value=float(found == item.target))


@scorer
def written(item: Item, output: Output) -> bool:
    return str(item.target) in output.text and output.text.endswith("REGARDS, HARBOUR")


def office(items: int = 20) -> list[Task]:
    places = [(n, CITIES[n % 20]) for n in range(items)]
    letters = [Item(id=f"letter{n}", input=f"Sirs, for the {n + 2} barrels {city} Lines will pay {100 + n} euros.",
                    target={"payer": f"{city} Lines", "euros": 100 + n}) for n, city in places]  # fmt: skip
    weather = [Item(id=f"sky{n}", input=f"Do I need an umbrella in {city} on day {n}?", target=city)
               for n, city in places]  # fmt: skip
    towns = [Item(id=f"town{n}", input=f"The city is {city}, and this is letter {n}.", target=city)
             for n, city in places]  # fmt: skip
    return [
        Task("weather", Dataset.of(weather, name="weather"), Ask(LONG + "Use the tools.", tools=(WEATHER,)), [called]),
        Task("letters", Dataset.of(letters, name="letters"), Ask(READ), [extracted]),
        Task("towns", Dataset.of(towns, name="towns"), Ask(WRITE), [written]),
    ]


class Clerk:
    """Does the office's work, well in a share of the cases; its errors are those of a model: another city, a sum."""

    profile = Profile()

    def __init__(self, name: str, *, good: float = 0.95, seed: int = 0, tokens_per_word: float = 1.3) -> None:
        self.id = name
        self.good = good
        self.seed = seed
        self.tokens_per_word = tokens_per_word

    async def stream(self, request: Request) -> AsyncIterator[Event]:
        parts = self.answer(request)
        read = " ".join([*(message.text for message in request.messages),
                         *(tool.model_dump_json() for tool in request.tools)])  # fmt: skip
        wrote = " ".join(part.text if isinstance(part, Text) else part.args_json for part in parts)
        yield Ended(Response(
            message=Message(id="msg_a", role="assistant", parts=tuple(parts)),
            model=Served(asked=self.id, provider="fake", served=self.id.partition(":")[2]),
            stop=Stop(kind="tool" if isinstance(parts[0], ToolCall) else "end"),
            usage=Usage(input=self.tokens(read), output=self.tokens(wrote)),
        ))  # fmt: skip

    def tokens(self, text: str) -> int:
        return round(self.tokens_per_word * len(text.split())) + 1

    def answer(self, request: Request) -> list[Text | ToolCall]:
        told = " ".join(message.text for message in request.messages if message.role == "system")
        asked = request.messages[-1]
        if asked.role != "user":
            return [Text(text="Of course! How may I help you today?")]
        chance = Random(f"{self.seed} {asked.text}")
        words = asked.text.replace(",", "").replace(".", "").split()
        city = next((word for word in words if word in CITIES), "nowhere")
        if chance.random() > self.good:
            city = chance.choice(CITIES)
        if "umbrella" in asked.text:
            return self.weather(city, request.tools)
        if "barrels" in asked.text:
            return [Text(text=letter(city, words[words.index("euros") - 1], told))]
        return [Text(text=town(city, told))]

    def weather(self, city: str, tools: tuple[object, ...]) -> list[Text | ToolCall]:
        name = next((tool.name for tool in tools if isinstance(tool, ToolSpec)), None)
        if name is None:
            return [Text(text=f"I cannot look up the weather of {city}, but an umbrella never hurts.")]
        return [ToolCall(call_id=f"call_{city}", name=name, args_json=json.dumps({"city": city}))]


def letter(city: str, euros: str, told: str) -> str:
    if "JSON" not in told:
        return f"The letter says that {city} Lines will pay {euros} euros for the barrels."
    return json.dumps({"payer": f"{city} Lines", "euros": int(euros)})


def town(city: str, told: str) -> str:
    end = "\nREGARDS, HARBOUR" if "REGARDS" in told else ""
    often = " and".join([" old"] * (1 + sum(map(ord, city)) % 9))
    return f"{city} is a city with an{often} past. Many people of all ages like to live in {city} or near it.{end}"


class Wire:
    """A model behind an adapter that changes what is asked, or what is answered."""

    def __init__(self, model: Model, name: str, *, asks: Callable[[Request], Request] = lambda request: request,
                 answers: Callable[[Response], Response] = lambda response: response) -> None:  # fmt: skip
        self.id = name
        self.profile = model.profile
        self.model = model
        self.asks = asks
        self.answers = answers

    async def stream(self, request: Request) -> AsyncIterator[Event]:
        yield Ended(self.answers(await complete(self.model, self.asks(request))))


def without_system_prompt(request: Request) -> Request:
    return request.model_copy(update={"messages": tuple(one for one in request.messages if one.role != "system")})


def without_last_message(request: Request) -> Request:
    return request.model_copy(update={"messages": request.messages[:-1]})


def all_said_by_assistant(request: Request) -> Request:
    told = [one.model_copy(update={"role": "assistant"}) if one.role == "user" else one for one in request.messages]
    return request.model_copy(update={"messages": tuple(told)})


def without_tools(request: Request) -> Request:
    return request.model_copy(update={"tools": ()})


def tools_renamed(request: Request) -> Request:
    return request.model_copy(update={"tools": tuple(
        tool.model_copy(update={"name": f"tool_{n}"}) for n, tool in enumerate(request.tools)
        if isinstance(tool, ToolSpec))})  # fmt: skip


def rewritten(response: Response, text: str, **changes: object) -> Response:
    if response.calls:
        return response
    message = response.message.model_copy(update={"parts": (Text(text=text),) if text else ()})
    return response.model_copy(update={"message": message, **changes})


def cut(response: Response) -> Response:
    usage = response.usage.model_copy(update={"output": 8})
    text = " ".join(response.text.split()[:6])
    return rewritten(response, text[:24], stop=Stop(kind="length"), usage=usage)


def cut_in_silence(response: Response) -> Response:
    usage = response.usage.model_copy(update={"output": 6})
    return rewritten(response, " ".join(response.text.split()[:2]), usage=usage)


def stopped_at_first_brace(response: Response) -> Response:
    return rewritten(response, response.text.split("{")[0].split(" ")[0])


def wrong_field(response: Response) -> Response:
    return rewritten(response, "")
