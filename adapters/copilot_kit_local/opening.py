"""Opens a local model by name. Nothing of llama.cpp is imported before the first request."""

import importlib.util
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from copilot_kit.errors import MissingExtra, ModelGone, UsageError
from copilot_kit.model import Model
from copilot_kit.threads import in_thread
from copilot_kit_local.catalogue import CATALOGUE, weights_named

if TYPE_CHECKING:
    import httpx2

    from copilot_kit_local.engine import Backend, EngineSettings


def open_model(
    provider: str,
    model: str,
    *,
    base_url: str | None = None,
    api_key: str | None = None,
    http_client: "httpx2.AsyncClient | None" = None,
) -> Model:
    """Return the model: a name of the catalogue, a path to a GGUF file, `hf:…`, or the URL of a llama.cpp server.

    Raises `UsageError` for an unknown provider, `MissingExtra` where llama.cpp is not installed.
    """
    if provider != "local":
        raise UsageError(f"This adapter opens 'local:…', not {provider!r}. Take the adapter of that provider.")
    from copilot_kit_local.local_model import LocalModel, profile_for

    url = base_url or (model if model.startswith(("http://", "https://")) else None)
    if url is not None:
        from copilot_kit_local.server import LlamaServer

        server = LlamaServer(url, api_key=api_key, http_client=http_client)

        async def connect() -> "Backend":
            return server

        return LocalModel(model, served=f"llama.cpp at {server.url}", profile=profile_for(context_tokens=None),
                          open_backend=connect, server=server.url)  # fmt: skip
    return open_weights(model)


def open_weights(model: str, settings: "EngineSettings | None" = None) -> Model:
    """Return the model that runs these weights in the process; they are loaded at the first request."""
    if importlib.util.find_spec("xllamacpp") is None:
        raise MissingExtra("A model in the process", "local")
    from copilot_kit_local.engine import EngineSettings, engine_for
    from copilot_kit_local.local_model import LocalModel, profile_for

    chosen = settings or EngineSettings()

    async def load() -> "Backend":
        engine = engine_for(await in_thread(partial(path_of, model)), chosen)
        await engine.load()
        return engine

    return LocalModel(model, served=title_of(model), profile=profile_for(context_tokens=chosen.context_tokens),
                      open_backend=load)  # fmt: skip


def path_of(model: str) -> Path:
    """Return the GGUF file of this model on this machine; raises `ModelGone` that says how to get it."""
    from copilot_kit_local.weights import find, pull_from_hub

    if model.startswith("hf:"):
        return pull_from_hub(model.removeprefix("hf:"))
    if is_path(model):
        path = Path(model).expanduser().absolute()
        if not path.is_file():
            raise ModelGone(f"There is no file {str(path)!r}. Write the path of a GGUF file.", model=f"local:{model}")
        return path
    entry = weights_named(model)
    found = find(entry)
    if found is None:
        raise ModelGone(
            f"The weights {model!r} are not on this machine. Run: copilot-kit models pull {model} "
            f"({entry.size_bytes / 1e6:.0f} MB, once)",
            model=f"local:{model}",
        )
    return found


def title_of(model: str) -> str:
    """Return what the model is, for people."""
    return next((entry.title for entry in CATALOGUE if entry.name == model), Path(model).name)


def is_path(model: str) -> bool:
    """Tell a path from a name of the catalogue."""
    return model.endswith(".gguf") or "/" in model or model.startswith("~")
