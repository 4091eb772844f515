"""Tests of promptfoo as items: its configuration in YAML or JSON, and its CSV.

The forms are those that promptfoo.dev documented in November 2026 (configuration reference, test cases).
"""

import itertools
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from copilot_kit.display import visible
from copilot_kit.errors import MissingExtra
from copilot_kit_evals.foreign import Columns, Imported, csv_rows, id_of, listed, mapping, records, text_of, words
from copilot_kit_evals.items import BadDataset

_VARIABLE: Final = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_TARGETS: Final = ("equals", "contains", "icontains", "contains-any", "icontains-any", "starts-with", "regex",
                   "similar", "is-json", "factuality")  # fmt: skip
_PREFIX: Final = "__"


def promptfoo(path: Path, columns: Columns) -> Imported:
    """Return the tests of a promptfoo configuration (YAML, JSON) or of its CSV, an item for each set of variables.

    With one prompt in the file, an input is that prompt with the variables in it; otherwise it is the one variable, or
    an object for a task's template. What an `equals`, `contains` or similar expects becomes the target; all assertions
    are kept in `meta.assert`.
    """
    del columns
    found = Imported()
    if path.suffix.lower() not in (".yaml", ".yml", ".json", ".jsonl"):
        for number, row in csv_rows(path):
            _add_test(found, _csv_test(row), prompt=None, where=f"{visible(path.name)}, line {number}")
        return found
    config = _config(path)
    prompts = config.get("prompts", []) if isinstance(config, dict) else []
    inline = [one for one in listed(prompts) if isinstance(one, str) and "{{" in one and not one.startswith("file://")]
    prompt = inline[0] if len(inline) == 1 == len(listed(prompts)) else None
    if prompt is None and prompts:
        found.note("The file has several prompts, or prompts in other files: give them to eval run as --vary prompt=…")
    default = config.get("defaultTest", {}) if isinstance(config, dict) else {}
    tests = listed(config.get("tests", []) if isinstance(config, dict) else config)
    for number, test in enumerate(tests, 1):
        where = f"{visible(path.name)}, test {number}"
        if isinstance(test, str):
            _refer(path, test, found)
            continue
        if not isinstance(test, dict):
            raise BadDataset(f"{where}: {str(test)[:60]!r} is no test. Write an object with vars and assert.")
        _add_test(found, _with_default(default if isinstance(default, dict) else {}, test), prompt=prompt, where=where)
    return found


def _refer(path: Path, test: str, found: Imported) -> None:
    """Take in the tests of another file, where it is one that holds them."""
    name = test.removeprefix("file://")
    elsewhere = name.startswith(("http", "huggingface")) or name.endswith((".js", ".ts", ".py", ".mjs"))
    if "*" in name or elsewhere or (path.parent / name).resolve() == path.resolve():
        found.note(f"{test}: tests made by programs or kept elsewhere are not read. Export them first.")
        return
    other = promptfoo(path.parent / name, {})
    for one in other.items:
        found.add(one.model_dump(mode="json"), name)
    for note in other.notes:
        found.note(note)


def _with_default(default: Mapping[str, Any], test: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **default,
        **test,
        "vars": {**mapping(default.get("vars")), **mapping(test.get("vars"))},
        "assert": [*listed(default.get("assert", [])), *listed(test.get("assert", []))],
        "metadata": {**mapping(default.get("metadata")), **mapping(test.get("metadata"))},
    }


def _csv_test(row: Mapping[str, str]) -> dict[str, Any]:
    expected = [cell for name, cell in row.items() if re.fullmatch(r"__expected\d*", name) and cell.strip()]
    return {
        "vars": {name: cell for name, cell in row.items() if not name.startswith(_PREFIX)},
        "assert": [_short(cell) for cell in expected],
        "description": row.get("__description") or None,
        "metadata": {name.removeprefix("__metadata:"): cell for name, cell in row.items()
                     if name.startswith("__metadata:") and cell},
    }  # fmt: skip


def _short(text: str) -> dict[str, Any]:
    """Return the assertion of `kind:value`; without a kind it is `equals`."""
    kind, mark, value = text.partition(":")
    if mark and re.fullmatch(r"[a-z][a-z-]*(\(\S+\))?", kind.strip()):
        return {"type": kind.strip(), "value": value.strip()}
    return {"type": "is-json"} if text.strip() == "is-json" else {"type": "equals", "value": text}


def _add_test(found: Imported, test: Mapping[str, Any], *, prompt: str | None, where: str) -> None:
    asserted = [one for one in listed(test.get("assert", [])) if isinstance(one, dict)]
    target = next((one.get("value") for kind in _TARGETS for one in asserted if one.get("type") == kind
                   and one.get("value") is not None), None)  # fmt: skip
    for kind in sorted({str(one.get("type")) for one in asserted} - set(_TARGETS)):
        found.note(f"Assertions of the type {kind!r} are kept in meta.assert; score them with a scorer of your own.")
    meta = {key: value for key, value in (("assert", asserted), ("description", test.get("description"))) if value}
    meta |= mapping(test.get("metadata"))
    for variables in _combinations(mapping(test.get("vars"))):
        asked = _asked(variables, prompt)
        found.add({"id": id_of(asked, target), "input": asked, "target": target, "meta": meta}, where)


def _combinations(variables: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield each choice of values: a list stands for each of its own in turn."""
    names = list(variables)
    for values in itertools.product(*(one if isinstance(one, list) else [one] for one in variables.values())):
        yield dict(zip(names, values, strict=True))


def _asked(variables: Mapping[str, Any], prompt: str | None) -> Any:
    if prompt is not None:
        return _VARIABLE.sub(lambda found: words(variables.get(found[1], found[0])), prompt)
    return words(next(iter(variables.values()))) if len(variables) == 1 else dict(variables)


def _config(path: Path) -> Any:
    text = text_of(path)
    try:
        if path.suffix.lower() == ".jsonl":
            return [value for value, _ in records(path, text)]
        if path.suffix.lower() == ".json":
            return json.loads(text)
        try:
            import yaml  # type: ignore[import-untyped]
        except ModuleNotFoundError as error:
            raise MissingExtra("Reading YAML", "evals") from error
        try:
            return yaml.load(text, _plain(yaml))  # noqa: S506  a safe loader
        except yaml.YAMLError as error:
            raise BadDataset(f"{visible(path.name)} is no YAML: {' '.join(str(error).split())}. Correct it.") from error
    except ValueError as error:
        raise BadDataset(f"{visible(path.name)} is no JSON: {error}. Correct it.") from error


def _plain(yaml: Any) -> Any:
    """Return YAML's safe loader, for which `Yes` and `off` are words, as they are for promptfoo (YAML 1.2)."""
    resolvers = {
        first: [(tag, pattern) for tag, pattern in pairs if first in "tTfF" or not tag.endswith(":bool")]
        for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    return type("Loader", (yaml.SafeLoader,), {"yaml_implicit_resolvers": resolvers})
