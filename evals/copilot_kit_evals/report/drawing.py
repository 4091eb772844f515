"""Vega for the page, and charts as PNG or SVG without a browser: both by vl-convert, which carries Vega with it."""

import contextlib
import os
from functools import lru_cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from copilot_kit_evals.report.colours import Scheme, filled_in, named

_NEEDED: Final = ("numpy", "scipy", "altair", "vl_convert", "jinja2")
_WIDTH: Final = 720
_SNIPPET: Final = "window.vegaEmbed = vegaEmbed;"


def can_draw() -> bool:
    """Tell whether the packages are installed that a report needs."""
    return all(find_spec(name) is not None for name in _NEEDED)


@lru_cache(maxsize=1)
def vega() -> str:
    """Return Vega, Vega-Lite and Vega-Embed as one script.

    Bundling takes seconds, so that the result is kept in the user's cache, where there is room for it.
    """
    import vl_convert

    file = _cache() / f"vega-{version('vl-convert-python')}-{vl_convert.get_vega_version()}.js"
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return file.read_text(encoding="utf-8")
    script: str = vl_convert.javascript_bundle(_SNIPPET)
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(f".{os.getpid()}")
        part.write_text(script, encoding="utf-8")
        part.replace(file)
    return script


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "copilot-kit"


def svg(spec: dict[str, Any], *, scheme: Scheme = "light") -> str:
    """Return a chart as SVG."""
    import vl_convert

    return vl_convert.vegalite_to_svg(_for_file(spec, scheme))


def png(spec: dict[str, Any], *, scheme: Scheme = "light") -> bytes:
    """Return a chart as PNG, at twice the size for sharp print."""
    import vl_convert

    return vl_convert.vegalite_to_png(_for_file(spec, scheme), scale=2)


def stacked(specs: list[dict[str, Any]], titles: list[str]) -> dict[str, Any]:
    """Return several charts as one, each below the other under its title."""
    first, *_ = specs
    inner = [{**{name: value for name, value in spec.items() if name not in ("config", "$schema")},
              "title": {"text": title, "anchor": "start", "fontWeight": 600, "color": named("ink"), "offset": 12}}
             for spec, title in zip(specs, titles, strict=True)]  # fmt: skip
    return {"$schema": first["$schema"], "config": first["config"], "vconcat": inner, "spacing": 36,
            "resolve": {"scale": {"color": "independent"}}}  # fmt: skip


def _for_file(spec: dict[str, Any], scheme: Scheme) -> dict[str, Any]:
    """Return a chart that needs no page: a width of its own, a ground, the colours of one scheme."""
    inner = [{**one, "width": _WIDTH} for one in spec.get("vconcat", [])]
    sized = {**spec, "vconcat": inner} if inner else {**spec, "width": _WIDTH}
    config = {**spec["config"], "background": named("ground"), "padding": 24}
    told: dict[str, Any] = filled_in({**sized, "config": config}, scheme)
    return told
