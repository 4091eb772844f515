"""Opens a model by provider and name. Nothing of the SDK is imported before the first request."""

from typing import TYPE_CHECKING

from copilot_kit.model import Model

if TYPE_CHECKING:
    import httpx2


def open_model(
    provider: str,
    model: str,
    *,
    base_url: str | None = None,
    api_key: str | None = None,
    http_client: "httpx2.AsyncClient | None" = None,
) -> Model:
    """Return the model of this name; raises `UsageError` for an unknown provider or a missing key."""
    from copilot_kit_openai.client import Connection, elsewhere, endpoint_for
    from copilot_kit_openai.dialects import dialect_for

    dialect, api = dialect_for(provider)
    endpoint = endpoint_for(dialect, base_url=base_url, api_key=api_key)
    connection, server = Connection(endpoint, http_client=http_client), elsewhere(endpoint, dialect)
    if api == "responses":
        from copilot_kit_openai.responses import ResponsesModel

        return ResponsesModel(provider, model, dialect=dialect, connection=connection, server=server)
    from copilot_kit_openai.chat import ChatModel

    return ChatModel(provider, model, dialect=dialect, connection=connection, server=server)
