"""llama.cpp in this process: one engine per weights and settings, nothing listening on the network.

Settings that were measured: one thread (two wait for each other in a spin, and lose on a busy machine), no prompt
cache (with one, a greedy answer depends on what was asked before), greedy choice unless the request asks otherwise.
"""

import asyncio
import atexit
import secrets
import shutil
import tempfile
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias, cast

from copilot_kit.errors import InvalidRequest, MissingExtra, ModelError

Chunk: TypeAlias = dict[str, Any]
"""A piece of an answer, or `{"error": …}`, as llama.cpp writes them for chat completions."""
MOST_EMBEDDED_CHARS = 1200
_FEWEST_EMBEDDED_CHARS = 60
"""Longer texts are compared by their beginning: one batch must hold them."""
_END = object()


class Backend(Protocol):
    """llama.cpp, wherever it runs.

    Contract:
    - `chat` takes the body of a chat completion and yields its chunks; closing it ends the work at the next token.
    - `embed` returns a vector for the text, or None where the server makes none.
    """

    def chat(self, body: dict[str, Any]) -> AsyncIterator[Chunk]:
        """Yield the chunks of the answer."""
        ...

    async def embed(self, text: str) -> tuple[float, ...] | None:
        """Return where the text lies among others, for the model."""
        ...


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """How the weights are run."""

    context_tokens: int = 4096
    threads: int = 1


class Engine:
    """Weights in memory. Requests wait for each other; the event loop does not wait for any of them."""

    def __init__(self, path: Path, settings: EngineSettings) -> None:
        self.path = path
        self.settings = settings
        self._server: Any = None
        self._folder: Path | None = None
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="copilot-kit-llama")
        self._vectors: dict[str, tuple[float, ...]] = {}

    async def load(self) -> None:
        """Read the weights now, instead of at the first request."""
        await asyncio.wrap_future(self._worker.submit(self._loaded))

    def close(self) -> None:
        """Free the memory; a request that is being answered ends first."""
        try:
            self._worker.submit(self._unload)
        except RuntimeError:  # the interpreter ends, and has stopped the worker
            self._unload()
        self._worker.shutdown(wait=True)

    async def chat(self, body: dict[str, Any]) -> AsyncIterator[Chunk]:
        """Yield the chunks of the answer; closing the iterator stops the model at the next token."""
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[Any] = asyncio.Queue()
        stopped = threading.Event()

        def tell(item: object) -> None:
            if not stopped.is_set():
                loop.call_soon_threadsafe(queue.put_nowait, item)

        def on_chunk(chunk: Chunk) -> bool:
            tell(chunk)
            return stopped.is_set()

        job = self._worker.submit(self._answer, body, on_chunk, tell, stopped)
        try:
            while (item := await queue.get()) is not _END:
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            stopped.set()
            job.cancel()

    async def embed(self, text: str) -> tuple[float, ...] | None:
        """Return the mean of the model's last layer over the text; the same text gives the same vector."""
        text = text[:MOST_EMBEDDED_CHARS]
        known = self._vectors.get(text)
        if known is None:
            known = await asyncio.wrap_future(self._worker.submit(self._embedded, text))
            self._vectors[text] = known
        return known

    def _answer(
        self,
        body: dict[str, Any],
        on_chunk: Callable[[Chunk], bool],
        tell: Callable[[object], None],
        stopped: threading.Event,
    ) -> None:
        try:
            if not stopped.is_set():
                streamed = {"stream": True, "stream_options": {"include_usage": True}}
                self._loaded().handle_chat_completions({**body, **streamed}, on_chunk)
            tell(_END)
        except ModelError as error:
            tell(error)
        except (ValueError, RuntimeError) as error:
            why = _first_line(error)
            tell(InvalidRequest(f"llama.cpp refuses the request: {why}. Simplify the schema.", model=self.path.name))

    def _embedded(self, text: str) -> tuple[float, ...]:
        came = self._loaded().handle_embeddings({"input": [text]})
        while "data" not in came and len(text) > _FEWEST_EMBEDDED_CHARS:
            text = text[: len(text) // 2]  # some scripts take more tokens than the batch holds
            came = self._loaded().handle_embeddings({"input": [text]})
        if "data" not in came:
            raise InvalidRequest(f"llama.cpp makes no embedding: {came.get('error')!r}.", model=self.path.name)
        return tuple(came["data"][0]["embedding"])

    def _loaded(self) -> Any:
        if self._server is None:
            self._server, self._folder = _started(self.path, self.settings)
        return self._server

    def _unload(self) -> None:
        self._server = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


_engines: dict[tuple[Path, EngineSettings], Engine] = {}
_lock = threading.Lock()


def engine_for(path: Path, settings: EngineSettings) -> Engine:
    """Return the one engine of this process for these weights and settings; nothing is loaded yet."""
    with _lock:
        return _engines.setdefault((path, settings), Engine(path, settings))


def close_engines() -> None:
    """Free the memory of all engines of this process, and remove their sockets; done at exit, too."""
    with _lock:
        engines = list(_engines.values())
        _engines.clear()
    for engine in engines:
        engine.close()


atexit.register(close_engines)


def _started(path: Path, settings: EngineSettings) -> tuple[Any, Path]:
    try:
        import xllamacpp  # type: ignore[import-untyped]  # has no types
    except ImportError as error:
        raise MissingExtra("A model in the process", "local") from error
    folder = Path(tempfile.mkdtemp(prefix="copilot-kit-"))
    params = _params(xllamacpp, path, settings)
    # The library always opens a port. A socket in a folder of the user's own, behind a key, is one nobody else reaches.
    params.hostnames = [str(folder / "engine.sock")]
    params.api_keys = [secrets.token_urlsafe(32)]
    try:
        return xllamacpp.Server(params), folder
    except Exception as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise ModelError(
            f"The weights {str(path)!r} cannot be loaded: {_first_line(error)}. Is it a GGUF file, whole, and is there "
            "memory for it?",
            model=path.name,
        ) from error


def _params(library: Any, path: Path, settings: EngineSettings) -> Any:
    params = library.CommonParams()
    params.model.path = str(path)
    params.n_ctx = settings.context_tokens
    params.n_parallel = 1
    params.use_jinja = True
    params.verbosity = -1
    params.warmup = False
    params.fit_params = False  # loading holds the interpreter: no trial load to fit a GPU
    params.cache_prompt = False
    params.cache_ram_mib = 0
    params.embedding = True
    params.pooling_type = library.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    sampling = params.sampling
    sampling.temp = 0.0
    params.sampling = sampling
    for name in ("cpuparams", "cpuparams_batch"):
        cpu = getattr(params, name)
        cpu.n_threads = settings.threads
        setattr(params, name, cpu)
    return params


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__


def error_of(chunk: Chunk) -> dict[str, Any] | None:
    """Return what llama.cpp says went wrong, if this chunk says so."""
    return cast("dict[str, Any] | None", chunk.get("error"))
