"""Models of the Anthropic Messages API, at Anthropic or at any server that speaks the same."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx2

    from copilot_kit.model import Model


def open_model(
    provider: str,
    model: str,
    *,
    base_url: str | None = None,
    api_key: str | None = None,
    http_client: "httpx2.AsyncClient | None" = None,
) -> "Model":
    """Return a model; nothing is sent and no SDK is imported before its first request.

    provider: names the origin of what it makes and the variable of its key (`anthropic`: ANTHROPIC_API_KEY).
    base_url: without /v1/messages; None leaves it to the SDK.
    """
    from importlib.util import find_spec

    from copilot_kit.errors import MissingExtra

    if find_spec("anthropic") is None:
        raise MissingExtra("A model of the Anthropic Messages API", "anthropic")
    from copilot_kit_anthropic.messages import MessagesModel

    return MessagesModel(provider, model, base_url=base_url, api_key=api_key, http_client=http_client)


__all__ = ["open_model"]
