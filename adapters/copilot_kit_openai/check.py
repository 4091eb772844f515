"""Judges the OpenAI adapters by recorded traffic: what `copilot-kit adapters check` asks of them."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from copilot_kit.conformance import Said
from copilot_kit.model import Model
from copilot_kit.profile import Profile
from copilot_kit.request import Request
from copilot_kit_openai.chat import ChatModel
from copilot_kit_openai.chat_check import said_in_chat
from copilot_kit_openai.chat_parse import parse_request
from copilot_kit_openai.client import Connection, Endpoint
from copilot_kit_openai.dialects import DIALECTS, Dialect
from copilot_kit_openai.responses_check import RESPONSES_CHECK

if TYPE_CHECKING:
    import httpx2


class OpenAICheck:
    """The chat adapter under check; the responses API is handed on to its own check."""

    def claims(self, provider: str, api: str) -> bool:
        """Tell whether this is a chat, of whatever server, or a provider of responses."""
        return api == "chat" or RESPONSES_CHECK.claims(provider, api)

    def parse_request(self, provider: str, api: str, body: dict[str, Any]) -> tuple[str, Request]:
        """Return model and request of a recorded body."""
        if api != "chat":
            return RESPONSES_CHECK.parse_request(provider, api, body)
        return parse_request(body, _dialect(provider))

    def open(self, provider: str, api: str, model: str, *, path: str, http_client: "httpx2.AsyncClient") -> Model:
        """Return a model that posts to this path.

        Nothing is assumed of the model: recordings also hold what a better informed client would not have sent.
        """
        if api != "chat":
            return RESPONSES_CHECK.open(provider, api, model, path=path, http_client=http_client)
        base = "https://recorded.invalid" + path.removesuffix("/chat/completions")
        connection = Connection(Endpoint(provider, base, "recorded"), http_client=http_client)
        return ChatModel(provider, model, dialect=_dialect(provider), connection=connection, profile=Profile())

    def said(self, provider: str, api: str, status: int, body: bytes, content_type: str) -> Said:
        """Return what the raw answer says to a naive reader."""
        if api != "chat":
            return RESPONSES_CHECK.said(provider, api, status, body, content_type)
        return said_in_chat(provider, status, body, content_type)


def _dialect(provider: str) -> Dialect:
    """Return how a provider speaks; one that is not in the table as any compatible server."""
    return DIALECTS.get(provider) or replace(DIALECTS["openai-compatible"], name=provider)


CHECK = OpenAICheck()
