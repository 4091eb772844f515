"""Tests of promptfoo as items: its configuration in YAML or JSON, and its CSV.

The forms are those that promptfoo.dev documented in November 2026 (configuration reference, test cases, scenarios).
"""

import itertools
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from copilot_kit.display import visible
from copilot_kit.errors import MissingExtra
from copilot_kit_evals.foreign.files import (
    Columns,
    Imported,
    csv_rows,
    id_of,
    listed,
    mapping,
    parsed,
    plain,
    records,
    text_of,
    words,
)
from copilot_kit_evals.items import BadDataset

_VARIABLE: Final = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_TARGETS: Final = ("equals", "contains", "icontains", "contains-any", "icontains-any", "starts-with", "regex",
                   "similar", "is-json", "factuality")  # fmt: skip
_PREFIX: Final = "__"
_FILE: Final = "file://"
_MOST_OF_ONE: Final = 10_000
"""Items that one test may make."""


def promptfoo(path: Path, columns: Columns) -> Imported:
    """Return the tests of a promptfoo configuration (YAML, JSON) or of its CSV, an item for each set of variables.

    With one prompt in the file, an input is that prompt with the variables in it; otherwise it is the one variable, or
    an object for a task's template. What an `equals`, `contains` or similar expects becomes the target; all assertions
    are kept in `meta.assert`. Files that it refers to are read where they lie in its folder.
    """
    del columns
    found = Imported()
    _Reading(path, found, path.parent.resolve()).read(frozenset())
    return found


@dataclass(frozen=True, slots=True)
class _Reading:
    """A file on the way to items."""

    path: Path
    found: Imported
    root: Path
    """Nothing outside of it is read."""

    def read(self, above: frozenset[Path]) -> None:
        """Take in the tests; above: the files that referred here."""
        above |= {self.path.resolve()}
        if self.path.suffix.lower() not in (".yaml", ".yml", ".json", ".jsonl"):
            for number, row in csv_rows(self.path):
                _add_test(self.found, _csv_test(row), prompt=None, where=f"{visible(self.path.name)}, line {number}")
            return
        config = _config(self.path)
        own = config if isinstance(config, dict) else {}
        prompt, default = self._prompt(own.get("prompts")), self._default(own.get("defaultTest"))
        for number, test in enumerate(self._tests(config), 1):
            where = f"{visible(self.path.name)}, test {number}"
            if isinstance(test, str):
                self._refer(test, above)
                continue
            if not isinstance(test, dict):
                raise BadDataset(f"{where}: {str(test)[:60]!r} is no test. Write an object with vars and assert.")
            whole = _with_default(default, test)
            if mapping(whole.get("options")).get("transform") or _transforms(whole):
                self.found.note("Transforms are programs and are not run: an answer is scored as it is.")
            whole["vars"] = self._vars(whole["vars"])
            _add_test(self.found, whole, prompt=prompt, where=where)

    def _prompt(self, prompts: Any) -> str | None:
        """Return the one prompt that stands in the file."""
        known = listed(prompts)
        texts = [str(one.get("raw", "")) if isinstance(one, dict) else str(one) for one in known]
        inline = [one for one in texts if "{{" in one and not one.startswith("file://")]
        if len(inline) == 1 == len(known):
            return inline[0]
        if known:
            self.found.note("The file has several prompts, or prompts in other files: give them to eval run as "
                            "--vary prompt=…")  # fmt: skip
        return None

    def _default(self, default: Any) -> dict[str, Any]:
        if not isinstance(default, str):
            return mapping(default)
        file = self._inside(default)
        return {} if file is None else mapping(_config(file))

    def _tests(self, config: Any) -> Iterator[Any]:
        """Yield the tests: those of the file, and of its scenarios each with each of their settings."""
        if not isinstance(config, dict):
            yield from listed(config)
            return
        yield from listed(config.get("tests", []))
        for scenario in listed(config.get("scenarios", [])):
            if not isinstance(scenario, dict):
                self.found.note("Scenarios in other files are not read. Write them into this one.")
                continue
            for setting in listed(scenario.get("config", [])):
                for test in listed(scenario.get("tests", [])):
                    both = isinstance(setting, dict) and isinstance(test, dict)
                    yield _with_default(setting, test) if both else test

    def _vars(self, variables: Any) -> dict[str, Any]:
        """Return the variables; those that name a file of text hold what is in it."""
        return {name: self._value(one) for name, one in mapping(variables).items()}

    def _value(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._value(one) for one in value]
        if not isinstance(value, str) or not value.startswith(_FILE):
            return value
        file = self._inside(value) if value.endswith((".txt", ".md")) else None
        if file is None:
            self.found.note("Variables in files are read from .txt and .md beside the configuration, and no others.")
        return value if file is None else text_of(file)

    def _refer(self, test: str, above: frozenset[Path]) -> None:
        """Take in the tests of another file, where it is one that holds them."""
        file = None if test.endswith((".js", ".ts", ".py", ".mjs", ".cjs")) else self._inside(test)
        if file is None or file in above:
            self.found.note(f"{visible(test)}: tests made by programs or kept elsewhere are not read. "
                            "Export them first.")  # fmt: skip
            return
        _Reading(file, self.found, self.root).read(above)

    def _inside(self, name: str) -> Path | None:
        """Return the file of this name, if it is one of the folder."""
        try:
            file = (self.path.parent / name.removeprefix(_FILE)).resolve()
            return file if file.is_file() and file.is_relative_to(self.root) else None
        except (OSError, ValueError):
            return None


def _transforms(test: Mapping[str, Any]) -> bool:
    return any(isinstance(one, dict) and one.get("transform") for one in listed(test.get("assert")))


def _with_default(default: Mapping[str, Any], test: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **default,
        **test,
        "vars": {**mapping(default.get("vars")), **mapping(test.get("vars"))},
        "options": {**mapping(default.get("options")), **mapping(test.get("options"))},
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
    flat = [inner for one in asserted for inner in (listed(one.get("assert")) if one.get("type") == "assert-set"
            else [one]) if isinstance(inner, dict)]  # fmt: skip
    expected = next((one.get("value") for kind in _TARGETS for one in flat if one.get("type") == kind
                     and one.get("value") is not None), None)  # fmt: skip
    for kind in sorted({str(one.get("type")) for one in flat} - set(_TARGETS)):
        found.note(f"Assertions of the type {visible(kind)!r} are kept in meta.assert; score them with a scorer of "
                   "your own.")  # fmt: skip
    meta = {key: value for key, value in (("assert", asserted), ("description", test.get("description"))) if value}
    meta |= mapping(test.get("metadata"))
    for variables in _combinations(mapping(test.get("vars")), where):
        asked = _asked(variables, prompt)
        target = _filled(expected, variables) if isinstance(expected, str) else expected
        found.add({"id": id_of(asked, target), "input": asked, "target": target, "meta": meta}, where)


def _combinations(variables: Mapping[str, Any], where: str) -> Iterator[dict[str, Any]]:
    """Yield each choice of values: a list stands for each of its own in turn."""
    names = list(variables)
    count = math.prod(len(one) for one in variables.values() if isinstance(one, list))
    if count > _MOST_OF_ONE:
        raise BadDataset(f"{where}: its variables make {count:,} combinations. Leave out some values.")
    for values in itertools.product(*(one if isinstance(one, list) else [one] for one in variables.values())):
        yield dict(zip(names, values, strict=True))


def _asked(variables: Mapping[str, Any], prompt: str | None) -> Any:
    if prompt is not None:
        return _filled(prompt, variables)
    return words(next(iter(variables.values()))) if len(variables) == 1 else dict(variables)


def _filled(text: str, variables: Mapping[str, Any]) -> str:
    return _VARIABLE.sub(lambda found: words(variables.get(found[1], found[0])), text)


def _config(path: Path) -> Any:
    text, name = text_of(path), visible(path.name)
    if path.suffix.lower() == ".jsonl":
        return [value for value, _ in records(path, text)]
    if path.suffix.lower() == ".json":
        return parsed(text, name)
    try:
        import yaml  # type: ignore[import-untyped]
    except ModuleNotFoundError as error:
        raise MissingExtra("Reading YAML", "evals") from error
    try:
        return plain(yaml.load(text, _loader(yaml)), name)  # noqa: S506  a safe loader
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:  # of its own constructors too
        raise BadDataset(f"{name} is no YAML: {' '.join(str(error).split())}. Correct it.") from error


def _loader(yaml: Any) -> Any:
    """Return YAML's safe loader, for which `Yes` and `off` are words, as they are for promptfoo (YAML 1.2)."""
    resolvers = {
        first: [(tag, pattern) for tag, pattern in pairs if first in "tTfF" or not tag.endswith(":bool")]
        for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    return type("Loader", (yaml.SafeLoader,), {"yaml_implicit_resolvers": resolvers})
