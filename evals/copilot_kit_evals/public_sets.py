"""Public sets of items that a user has as files: what their rows become as items.

Nothing is downloaded. The shapes are those of the sets' own files: BFCL (question, function, ground_truth), IFEval
(prompt, instruction_id_list, kwargs), GSM8K and MGSM (question, answer), HumanEval (prompt, entry_point, test),
TruthfulQA (question, best, right and wrong answers), MMLU (question, four options, letter or number), GPQA (question,
right and wrong answers), BIG-Bench Hard (input, target).
"""

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any, Final

from pydantic import JsonValue

from copilot_kit.display import visible
from copilot_kit.errors import UsageError
from copilot_kit.request import ToolSpec
from copilot_kit_evals.items import BadDataset, Dataset, Item, Turn
from copilot_kit_evals.scores import digest_of
from copilot_kit_evals.tasks import Ask, Setup, Solved

_JSON_TYPES: Final = {"dict": "object", "float": "number", "tuple": "array"}


def bfcl_item(row: Mapping[str, Any]) -> Item:
    """Return an item of the Berkeley Function Calling Leaderboard; its first turn is what is asked."""
    turns = tuple(Turn(role=one["role"], text=one["content"]) for one in row["question"][0])
    return Item(id=row["id"], input=turns, target=row["ground_truth"], meta={"functions": row["function"]})


def tools_of(item: Item) -> tuple[ToolSpec, ...]:
    """Return the functions of a BFCL item as tools: types by their JSON names, dots in names as underscores."""
    functions = item.meta.get("functions")
    found = []
    for one in functions if isinstance(functions, list) else []:
        if isinstance(one, dict):
            schema = _json_schema(one.get("parameters", {}))
            found.append(ToolSpec(name=str(one["name"]).replace(".", "_"), description=str(one.get("description", "")),
                                  parameters={**schema, "type": "object"}))  # fmt: skip
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Offer:
    """Asks an item with its own functions as tools, as BFCL does; what is called is for `ToolCalls` to say."""

    ask: Ask = field(default_factory=Ask)

    @property
    def digest(self) -> str:
        """Over all that is sent beside the item."""
        return digest_of(f"offer 1 {self.ask.digest}")

    async def __call__(self, setup: Setup) -> Solved:
        """Return the answer; nothing that it calls is run."""
        return await replace(self.ask, tools=tools_of(setup.item))(setup)


def _json_schema(schema: Any) -> Any:
    if not isinstance(schema, dict):
        return schema
    made = {name: value for name, value in schema.items() if name != "optional"}
    kind = made.get("type")
    if kind == "any":
        del made["type"]
    elif isinstance(kind, str):
        made["type"] = _JSON_TYPES.get(kind, kind)
    if isinstance(made.get("properties"), dict):
        made["properties"] = {name: _json_schema(one) for name, one in made["properties"].items()}
    if "items" in made:
        made["items"] = _json_schema(made["items"])
    return made


def ifeval_item(row: Mapping[str, Any]) -> Item:
    """Return an item of IFEval: `meta.instructions` is a list of ids, each with its arguments."""
    pairs = zip(row["instruction_id_list"], row["kwargs"], strict=True)
    given: list[JsonValue] = [
        {"id": name, **{key: value for key, value in args.items() if value is not None}} for name, args in pairs
    ]
    return Item(id=str(row["key"]), input=row["prompt"], meta={"instructions": given})


def gsm8k_item(row: Mapping[str, Any]) -> Item:
    """Return an item of GSM8K, from its own files or with the final number alone as the answer."""
    answer = str(row["answer"]).rpartition("####")[2].strip()
    return Item(id=_id(row, "question"), input=row["question"], target=answer.replace(",", ""))


def humaneval_item(row: Mapping[str, Any]) -> Item:
    """Return an item of HumanEval: `meta` holds prompt, entry_point and test."""
    meta = {name: row[name] for name in ("prompt", "entry_point", "test")}
    return Item(id=row["task_id"], input=row["prompt"], target=row.get("canonical_solution"), meta=meta)


def bbh_item(row: Mapping[str, Any]) -> Item:
    """Return an item of BIG-Bench Hard; the options, if any, stay in the input."""
    return Item(id=_id(row, "input"), input=row["input"], target=row["target"])


def truthfulqa_item(row: Mapping[str, Any]) -> Item:
    """Return an item of TruthfulQA with one right option, the best answer, among the wrong ones.

    The options stand in an order drawn by the question, so that the file's order (right first) tells nothing.
    """
    wrong = [one.strip() for one in row["Incorrect Answers"].split(";") if one.strip()]
    options = list(dict.fromkeys([row["Best Answer"].strip(), *wrong]))
    Random(row["Question"]).shuffle(options)
    return Item(id=_id(row, "Question"), input=row["Question"], target=row["Best Answer"].strip(),
                choices=tuple(options), tags=(row["Category"],))  # fmt: skip


def mmlu_item(row: Mapping[str, Any]) -> Item:
    """Return an item of MMLU: options in columns A to D, or as a list; the answer a letter, or a number from 0 on."""
    listed = row.get("choices") or [row[letter] for letter in "ABCD"]
    choices, answer = tuple(str(one).strip() for one in listed), str(row["answer"]).strip()
    place = int(answer) if answer.isdigit() else "ABCDEFGHIJ".index(answer.upper())
    subject = row.get("subject")
    return Item(id=_id(row, "question"), input=row["question"], target=choices[place], choices=choices,
                tags=(str(subject),) if subject else ())  # fmt: skip


def gpqa_item(row: Mapping[str, Any]) -> Item:
    """Return an item of GPQA, its options in an order drawn by the question."""
    right = row["Correct Answer"].strip()
    options = [right, *(row[f"Incorrect Answer {number}"].strip() for number in (1, 2, 3))]
    Random(row["Question"]).shuffle(options)
    domain = row.get("High-level domain")
    return Item(id=row.get("Record ID") or _id(row, "Question"), input=row["Question"].strip(), target=right,
                choices=tuple(options), tags=(domain,) if domain else ())  # fmt: skip


def _id(row: Mapping[str, Any], asked: str) -> str:
    """Return the row's own id, or one made of what it asks."""
    return str(row.get("id") or sha256(str(row[asked]).encode()).hexdigest()[:12])


SETS: Final[Mapping[str, Callable[[Mapping[str, Any]], Item]]] = {
    "bfcl": bfcl_item,
    "ifeval": ifeval_item,
    "gsm8k": gsm8k_item,
    "mgsm": gsm8k_item,
    "humaneval": humaneval_item,
    "truthfulqa": truthfulqa_item,
    "mmlu": mmlu_item,
    "gpqa": gpqa_item,
    "bbh": bbh_item,
}
"""By name: what makes an item of a row."""

_BARE: Final = {"mmlu": ("question", "A", "B", "C", "D", "answer"), "mgsm": ("question", "answer")}
"""Columns of sets whose own tables have no header."""


def read(kind: str, path: str | Path) -> Dataset:
    """Return the dataset in a file of a public set, JSON lines or CSV; raises `UsageError` for an unknown set."""
    if kind not in SETS:
        raise UsageError(f"There is no public set {kind!r} here. Take one of {', '.join(SETS)}.")
    file = Path(path)
    items = []
    for number, row in enumerate(_rows(file, _BARE.get(kind, ())), 1):
        try:
            items.append(SETS[kind](row))
        except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
            raise BadDataset(
                f"{file.name}, row {number}: this is no row of {kind} ({type(error).__name__}: {error}). "
                "Check that the file is the set's own."
            ) from error
    return Dataset.of(items, name=file.stem, folder=file.parent)


def _rows(file: Path, bare: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    try:
        lines = file.open(encoding="utf-8-sig", newline="")
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        why = error.strerror if isinstance(error, OSError) else error
        raise UsageError(f"{visible(str(file))!r} cannot be read: {why}. Name the set's own file.") from error
    with lines:
        if file.suffix not in (".csv", ".tsv"):
            yield from (json.loads(line) for line in lines if line.strip())
            return
        rows = csv.reader(lines, delimiter="\t" if file.suffix == ".tsv" else ",")
        header: Sequence[str] = bare
        for number, row in enumerate(rows):
            if number == 0 and (not bare or "question" in (name.strip().lower() for name in row)):
                header = row
            elif row:
                yield dict(zip(header, row, strict=False))
