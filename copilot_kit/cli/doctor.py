"""`copilot-kit doctor`: what is set, what is missing, what can be reached; never a secret."""

import asyncio
import os
import platform
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import entry_points, version
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import typer

from copilot_kit.cli.extras import not_installed
from copilot_kit.cli.screen import as_json, columns, told
from copilot_kit.cli.weights import pullable
from copilot_kit.errors import CopilotError
from copilot_kit.journal.opening import FOLDER, VARIABLE
from copilot_kit.slots import FILE_NAME, FILE_VARIABLE, GROUP, find_frontier, open_model, providers, read_frontier

_REACH_S: Final = 3.0
_ORDER: Final = {"ok": 0, "broken": 1, "missing": 2}
_OLDEST: Final = (3, 11)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `missing` is no fault: what needs it says so; `broken` is."""

    about: str
    state: Literal["ok", "missing", "broken"]
    detail: str


def doctor(
    *,
    everything: Annotated[bool, typer.Option("--all", help="Also list each provider that is not set up.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON, always of everything.")] = False,
) -> int:
    """Say what is set, what is missing and what can be reached. Sends no key and asks no model anything.

    Exits with 1 if something is broken.

    Example: copilot-kit doctor
    """
    found = list(_findings())
    if json:
        as_json({"ok": not _broken(found), "findings": [asdict(one) for one in found]})
    else:
        found.sort(key=lambda one: _ORDER[one.state])
        named = set() if everything else {one.about for one in found if one.state == "missing"} & set(providers())
        found = [one for one in found if one.about not in named]
        columns([(one.about, one.state, one.detail) for one in found], header=("what", "state", "detail"))
        if named:
            told(f"{len(named)} more providers lack a key, an address or packages: copilot-kit doctor --all")
    return 1 if _broken(found) else 0


def _broken(found: list[Finding]) -> bool:
    return any(one.state == "broken" for one in found)


def _findings() -> Iterator[Finding]:
    yield _python()
    yield Finding("copilot-kit", "ok", version("copilot-kit"))
    yield _journal()
    yield from _frontier()
    lacking = not_installed()
    for extra, names in lacking.items():
        todo = f"{', '.join(names)} not installed; pip install 'copilot-kit[{extra}]'"
        yield Finding(f"extra {extra}", "missing" if names else "ok", todo if names else "installed")
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        extra = point.module.partition(".")[0].rpartition("_")[2]
        if lacking.get(extra) and point.dist is not None and point.dist.name == "copilot-kit":
            yield Finding(point.name, "missing", f"needs the extra {extra}")
        else:
            yield _provider(point.name)
    for one in pullable():
        here = one["path"] is not None
        todo = f"pull it with: copilot-kit models pull {one['name']}"
        yield Finding(f"weights {one['name']}", "ok" if here else "missing", str(one["path"]) if here else todo)


def _python() -> Finding:
    words = f"{platform.python_implementation()} {platform.python_version()} on {platform.system()}"
    if sys.version_info < _OLDEST:
        return Finding("python", "broken", f"{words}; needs 3.11 or newer")
    return Finding("python", "ok", words)


def _journal() -> Finding:
    named = os.environ.get(VARIABLE)
    if named == "memory":
        return Finding("journal", "ok", "kept in memory only")
    place = Path(FOLDER, "journal.db").absolute()
    if named:
        return Finding("journal", "ok", f"named in {VARIABLE}")
    if place.exists():
        if not os.access(place, os.R_OK | os.W_OK):
            return Finding("journal", "broken", f"{place} may not be written")
        try:
            asyncio.run(_read())
        except CopilotError as error:
            return Finding("journal", "broken", str(error))
        return Finding("journal", "ok", str(place))
    usable = os.access(Path.cwd(), os.W_OK)
    if usable:
        return Finding("journal", "missing", f"will be made at {place}")
    return Finding("journal", "broken", f"{Path.cwd()} may not be written; name another place in {VARIABLE}")


async def _read() -> None:
    """Raise `JournalError` if the journal here cannot be read."""
    from copilot_kit.journal.opening import open_store

    store = open_store()
    try:
        await store.runs(limit=1)
    finally:
        await store.close()


def _frontier() -> Iterator[Finding]:
    try:
        path = find_frontier()
        if path is None:
            yield Finding(FILE_NAME, "missing", f"none here or above, and {FILE_VARIABLE} is not set")
            return
        frontier = read_frontier(path)
    except CopilotError as error:
        yield Finding(FILE_NAME, "broken", str(error))
        return
    yield Finding(FILE_NAME, "ok", f"{path} with slots {', '.join(frontier.slots) or 'none'}")
    for name, slot in frontier.slots.items():
        yield _slot(name, slot.base_url)


def _slot(name: str, base_url: str | None) -> Finding:
    try:
        opened = open_model(name)
    except CopilotError as error:
        return Finding(f"slot {name}", "broken", str(error))
    return _reached(f"slot {name}", opened.model, base_url=base_url)


def _provider(provider: str) -> Finding:
    """Say whether a model of the provider opens: that needs its packages and its key, and sends nothing."""
    try:
        opened = open_model(f"{provider}:doctor")
    except CopilotError as error:
        return Finding(provider, "missing", str(error))
    except Exception as error:  # noqa: BLE001  an adapter's fault is a finding
        return Finding(provider, "broken", f"{type(error).__name__}: {error}")
    return _reached(provider, opened.model)


def _reached(about: str, model: Any, *, base_url: str | None = None) -> Finding:
    """Say whether the model's server accepts connections, where the slot or the model names one."""
    url = base_url or getattr(model, "base_url", None)
    if url is None:
        return Finding(about, "ok", f"{model.id} opens")
    import httpx2

    target = httpx2.URL(str(url))
    place = f"{target.scheme}://{target.netloc.decode()}"
    try:
        httpx2.head(place, timeout=_REACH_S)
    except (httpx2.HTTPError, OSError, ValueError) as error:
        return Finding(about, "broken", f"{place} cannot be reached ({type(error).__name__})")
    return Finding(about, "ok", f"opens, and {place} answers")
