"""Where data of a slot may go: providers, servers, and what is asked while it is held."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from copilot_kit.errors import ModelError, Overloaded, UsageError
from copilot_kit.events import fold
from copilot_kit.fallback import Fallback
from copilot_kit.messages import user
from copilot_kit.model import complete
from copilot_kit.request import Request
from copilot_kit.sending import MaySend, NotAllowed, check_asked, held, server_of
from copilot_kit.slots import Slot, open_model
from copilot_kit.testing import FunctionModel
from tests.asked_server import serving

ELSEWHERE = "https://elsewhere.example/v1"


@pytest.mark.parametrize(
    ("listed", "server", "allowed"),
    [
        (("openai",), None, True),
        (("openai",), ELSEWHERE, False),
        (("openai", "elsewhere.example"), ELSEWHERE, True),
        (("openai", "Elsewhere.Example"), ELSEWHERE, True),
        (("openai", "elsewhere.example:443"), ELSEWHERE, True),
        (("openai", "elsewhere.example:8443"), ELSEWHERE, False),
        (("openai", "elsewhere.example"), "https://elsewhere.example:8443/v1", True),
        (("openai", "elsewhere.example"), "https://elsewhere.example.evil.example/v1", False),
        (("openai", "elsewhere.example"), "https://elsewhere.example@evil.example/v1", False),
        (("elsewhere.example",), ELSEWHERE, False),
        (("openai", "gpu:8000"), "http://gpu:8000/v1", True),
        (("openai", "gpu"), "http://gpu:8000/v1", False),
        (("openai",), "http://openai:8000", False),
        (("openai",), "http://127.0.0.1:8000/v1", True),
        (("openai",), "http://[::1]:8000/v1", True),
        (("openai",), "http://localhost", True),
        (("openai",), "http://localhost.elsewhere.example", False),
        (("openai",), "http://0.0.0.0:8000", False),
        (("openai",), "elsewhere.example", False),
        (("openai",), "http://[bad", False),
        ((), None, False),
    ],
)
def test_another_address_than_the_providers_own_must_be_named_unless_it_is_this_machine(
    listed: tuple[str, ...], server: str | None, allowed: object
):
    assert MaySend("default", listed).allows("openai:gpt", server) is allowed


def test_a_refusal_names_the_slot_the_place_the_list_and_what_to_do():
    with pytest.raises(NotAllowed) as refused:
        MaySend("default", ("openai",)).check("openai:gpt", ELSEWHERE)
    assert str(refused.value) == (
        "Data of slot 'default' may not go to 'elsewhere.example', for 'openai:gpt': its may_send_to has openai. "
        "Add the server there if the people whose data it is allow that."
    )
    assert isinstance(refused.value, UsageError)


@pytest.mark.parametrize("entry", ["https://llm.acme.example", "llm.acme.example/v1", "", " openai", "me@llm.example"])
def test_an_entry_that_no_place_can_have_is_told_when_the_file_is_read(entry: str):
    with pytest.raises(ValueError, match="is neither a provider nor a server; write a server as 'host' or 'host:port'"):
        Slot(model="openai:gpt", may_send_to=(entry,))


@pytest.mark.parametrize(
    ("name", "variable", "url", "server"),
    [
        ("openai:gpt", "OPENAI_BASE_URL", None, None),
        ("openai:gpt", "OPENAI_BASE_URL", "https://api.openai.com/v1/", None),
        ("openai:gpt", "OPENAI_BASE_URL", ELSEWHERE, ELSEWHERE),
        ("openai-chat:gpt", "OPENAI_BASE_URL", ELSEWHERE, ELSEWHERE),
        (
            "azure:gpt",
            "AZURE_OPENAI_ENDPOINT",
            "https://res.openai.azure.com",
            "https://res.openai.azure.com/openai/v1",
        ),
        ("ollama:m", "OLLAMA_BASE_URL", None, None),
        ("ollama:m", "OLLAMA_BASE_URL", "http://gpu:11434", "http://gpu:11434/v1"),
        ("anthropic:claude", "ANTHROPIC_BASE_URL", None, None),
        ("anthropic:claude", "ANTHROPIC_BASE_URL", ELSEWHERE, ELSEWHERE),
        ("local:http://gpu:8080", "UNUSED", None, "http://gpu:8080"),
    ],
)
def test_a_model_says_where_it_is_asked_if_that_is_not_its_providers_own_address(
    monkeypatch: pytest.MonkeyPatch, name: str, variable: str, url: str | None, server: str | None
):
    for key in ("OPENAI_API_KEY", "AZURE_OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.setenv(key, "none")
    monkeypatch.delenv(variable, raising=False)
    if url is not None:
        monkeypatch.setenv(variable, url)
    opened = open_model(name)
    assert (server_of(opened.model), opened.server) == (server, server)


async def test_while_it_is_held_nobody_is_asked_who_may_not_and_the_refusal_is_kept():
    asked: list[str] = []

    def answer(request: Request) -> str:
        asked.append(request.messages[-1].text)
        return "yes"

    request = Request(messages=(user("Hello"),))
    with held([MaySend("default", ("acme",))]) as hold:
        await complete(FunctionModel(answer, id="acme:a"), request)
        task = asyncio.create_task(complete(FunctionModel(answer, id="other:b"), request))
        with pytest.raises(NotAllowed, match="may not go to 'other'"):
            await task
    assert (asked, str(hold.refused)[:44]) == (["Hello"], "Data of slot 'default' may not go to 'other'")
    check_asked("other:b")


@pytest.mark.parametrize(
    ("name", "variable"),
    [
        ("openai:gpt", "OPENAI_BASE_URL"),
        ("openai-chat:gpt", "OPENAI_BASE_URL"),
        ("anthropic:claude", "ANTHROPIC_BASE_URL"),
        ("local:{url}", "UNUSED"),
    ],
)
async def test_an_adapter_sends_nothing_while_it_is_held_to_other_places_however_its_model_is_asked(
    monkeypatch: pytest.MonkeyPatch, name: str, variable: str
):
    for key in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.setenv(key, "none")
    request = Request(messages=(user("1"),))
    with serving() as server:
        url = server.url("0.0.0.0")  # noqa: S104  leads to this machine and is not its loopback's name
        monkeypatch.setenv(variable, url)
        model = open_model(name.format(url=url)).model
        provider = name.partition(":")[0]
        with held([MaySend("default", (provider,))]), pytest.raises(NotAllowed, match=r"to '0\.0\.0\.0', for"):
            await fold(model.stream(request), model=model.id)
        with held([MaySend("default", ("other",))]), pytest.raises(NotAllowed, match=f"may not go to '{provider}'"):
            await fold(model.stream(request), model=model.id)
        assert server.asked.total() == 0
        with held([MaySend("default", (provider, f"0.0.0.0:{server.port}"))]), suppress(ModelError):
            await fold(model.stream(request), model=model.id)
        assert server.asked.total() > 0


async def test_while_it_is_held_another_model_does_not_answer_for_one_that_cannot():
    def fails(_: Request) -> str:
        raise Overloaded("Busy.", model="acme:a")

    asked: list[str] = []
    other = FunctionModel(lambda request: asked.append(request.messages[-1].text) or "yes", id="other:b")
    model = Fallback([FunctionModel(fails, id="acme:a"), other])
    with held([MaySend("default", ("acme",))]), pytest.raises(NotAllowed, match="may not go to 'other'"):
        await complete(model, Request(messages=(user("Hello"),)))
    assert asked == []


class Proxy(BaseHTTPRequestHandler):
    """Sends requests on to the place that its server names, counts them there."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.server.asked.append(self.path)  # type: ignore[attr-defined]
        onward = self.server.onward  # type: ignore[attr-defined]
        self.send_response(500 if onward is None or "again" in self.path else 307)
        if onward is not None:
            self.send_header("location", f"{onward}{self.path}/again")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@contextmanager
def passing_on(onward: str | None = None) -> Iterator[tuple[str, list[str]]]:
    """Serve for a block: the address, and the paths that were asked for."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    asked: list[str] = []
    server.asked, server.onward = asked, onward  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


THREE = pytest.mark.parametrize("name", ["openai:gpt", "openai-chat:gpt", "anthropic:claude", "local:{url}"])


@THREE
async def test_a_server_cannot_send_words_and_key_on_to_another_one(name: str):
    with passing_on() as (away, asked_away), passing_on(away) as (url, asked):
        base_url = None if "{" in name else url
        model = open_model(name.format(url=url), base_url=base_url, api_key="k").model
        with pytest.raises((UsageError, ModelError)):
            await complete(model, Request(messages=(user("1"),)))
        assert (len(asked), asked_away) == (1, [])


async def test_a_server_may_send_words_on_within_itself():
    with passing_on("") as (url, asked):
        model = open_model("openai:gpt", base_url=url, api_key="k").model
        with pytest.raises(ModelError):
            await complete(model, Request(messages=(user("1"),)))
        assert asked == ["/responses", "/responses/again"]


@THREE
async def test_what_is_for_this_machine_goes_through_no_proxy_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, name: str
):
    with passing_on() as (proxy, through), passing_on() as (url, asked):
        for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(variable, proxy)
        for variable in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(variable, raising=False)
        base_url = None if "{" in name else url
        model = open_model(name.format(url=url), base_url=base_url, api_key="k").model
        with pytest.raises(ModelError):
            await complete(model, Request(messages=(user("1"),)))
        assert (len(asked), through) == (1, [])


def test_whoever_is_held_twice_is_held_by_the_stricter_one_of_each():
    with held([MaySend("a", ("x", "y")), MaySend("b", ("y", "z"))]):
        check_asked("y:m")
        for name in ("x:m", "z:m"):
            with pytest.raises(NotAllowed):
                check_asked(name)
