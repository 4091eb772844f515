"""`copilot-kit models`: which models there are, what they can do, and whether they answer."""

import asyncio
import time
from importlib.metadata import entry_points
from textwrap import fill
from typing import Annotated, Any, Final

import typer

from copilot_kit.cli.record_lines import duration
from copilot_kit.cli.screen import as_json, bold, columns, shown, spent, told, width
from copilot_kit.cli.weights import pull_weights, pullable
from copilot_kit.display import visible
from copilot_kit.response import Response
from copilot_kit.slots import GROUP, Slot, find_frontier, open_model, read_frontier

app = typer.Typer(
    help="Models: which there are, what they can do, whether they answer.\n\nExample: copilot-kit models list",
    no_args_is_help=True,
)

_CHECK_TOKENS: Final = 16
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_Name = Annotated[str, typer.Argument(metavar="MODEL", help="A slot, or provider:model.")]


@app.command("list")
def list_models(*, json: _Json = False) -> None:
    """List the installed providers, the slots of frontier.toml, and the weights that can be pulled.

    Any model of a provider can be used, also one that came out today: write it as provider:model.

    Example: copilot-kit models list
    """
    providers = [{"provider": point.name, "package": _package(point)} for point in entry_points(group=GROUP)]
    slots = _slots()
    weights = pullable()
    if json:
        as_json({"providers": providers, "slots": slots, "weights": weights})
        return
    for package in sorted({one["package"] for one in providers}):
        shown(bold(package))
        names = ", ".join(sorted(one["provider"] for one in providers if one["package"] == package))
        shown(fill(names, width=width(), initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False))
    shown()
    if slots:
        columns([(one["slot"], one["model"] or "none yet") for one in slots], header=("slot", "model"))
    else:
        told("No slots: there is no frontier.toml with [slots.NAME] here or above.")
    shown()
    cells = [(one["name"], "here" if one["path"] else f"{one['size_bytes'] / 1e6:.0f} MB to pull", one["about"])
             for one in weights]  # fmt: skip
    columns(cells, header=("local weights", "state", "about"))


@app.command("show")
def show_model(name: _Name, *, json: _Json = False) -> None:
    """Show what is known of a model: what it can do, and who says so.

    Example: copilot-kit models show anthropic:claude-sonnet-5
    """
    opened = open_model(name)
    facts = opened.model.profile.model_dump(mode="json", exclude_unset=True)
    sources = facts.pop("sources", {})
    settings = opened.settings.model_dump(mode="json", exclude_unset=True)
    if json:
        as_json({"model": opened.model.id, "slot": opened.slot, "settings": settings, "profile": facts,
                 "sources": sources})  # fmt: skip
        return
    shown(opened.model.id)
    if settings:
        shown(f"slot {opened.slot} sets {visible(str(settings))}")
    if facts:
        columns([(fact, str(sources.get(fact, sources.get("*", ""))), str(value)) for fact, value in facts.items()],
                header=("fact", "says", "value"))  # fmt: skip
    else:
        told("Nothing is known of it beforehand; what is unknown is tried.")


@app.command("check")
def check_model(
    name: _Name, *, json: _Json = False, timeout_s: Annotated[float, typer.Option(help="Give up after so long.")] = 60.0
) -> None:
    """Open a model, ask it one tiny question, and show how long it took and what it cost.

    Example: copilot-kit models check openai:gpt-5.5
    """
    begun = time.perf_counter()
    response = asyncio.run(_asked(name, timeout_s))
    took_s = time.perf_counter() - begun
    if json:
        usage = response.usage.model_dump(mode="json")
        as_json({"model": response.model.model_dump(mode="json"), "text": response.text, "took_s": round(took_s, 3),
                 "stop": response.stop.kind, "usage": usage})  # fmt: skip
        return
    served = response.model.served or response.model.asked
    words = visible(" ".join(response.text.split()))
    shown(f"{visible(name)} answers as {visible(served)} in {duration(took_s)}: {words}")
    shown(spent(response.usage))


@app.command("pull")
def pull(
    name: Annotated[str, typer.Argument(help="Weights as `models list` names them.")] = "smollm2",
    *,
    accept_terms: Annotated[bool, typer.Option(help="You have read and accept the terms of these weights.")] = False,
    json: _Json = False,
) -> None:
    """Download the weights of a local model, checked by their digest; a broken download goes on where it stopped.

    Example: copilot-kit models pull smollm2
    """
    name = name.removeprefix("local:")
    path = pull_weights(name, accept_terms=accept_terms)
    if json:
        as_json({"name": name, "path": str(path)})
    else:
        shown(str(path))


async def _asked(name: str, timeout_s: float) -> Response:
    from copilot_kit.messages import user
    from copilot_kit.model import complete
    from copilot_kit.prices import priced
    from copilot_kit.request import Request, Settings

    opened = open_model(name)
    settings = Settings(max_output_tokens=_CHECK_TOKENS, deadline_s=timeout_s).over(opened.settings)
    request = Request(messages=(user("Answer with the one word: ready"),), settings=settings)
    return priced(await complete(opened.model, request))


def _slots() -> list[dict[str, Any]]:
    path = find_frontier()
    slots: dict[str, Slot] = {} if path is None else read_frontier(path).slots
    return [{"slot": name, "model": slot.model, "base_url": slot.base_url, "file": str(path)}
            for name, slot in slots.items()]  # fmt: skip


def _package(point: Any) -> str:
    module = str(point.value).partition(":")[0]
    return module if point.dist is None else f"{module} ({point.dist.name} {point.dist.version})"
