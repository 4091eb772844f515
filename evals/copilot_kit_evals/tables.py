"""Tables that others wrote, as columns of text: CSV with a header line, JSON lines, or one JSON list of objects.

Nothing is guessed about a cell: a number that is none, a line that is too short and bytes that are no UTF-8 end in one
line that says where. Columns are found by any of the names that are usual for them.
"""

import csv
import io
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final

from copilot_kit.display import visible
from copilot_kit.errors import UsageError

MOST_BYTES: Final = 256 * 1024 * 1024
"""Tables are held in memory as a whole."""
_SHOWN: Final = 40
_JSON_LINES: Final = (".jsonl", ".ndjson")
TRUTHS: Final = {
    "true": 1.0, "yes": 1.0, "pass": 1.0, "passed": 1.0, "correct": 1.0, "success": 1.0, "resolved": 1.0,
    "false": 0.0, "no": 0.0, "fail": 0.0, "failed": 0.0, "incorrect": 0.0, "wrong": 0.0, "failure": 0.0,
    "unresolved": 0.0,
}  # fmt: skip
"""Words that stand for 1 and 0."""


class BadTable(UsageError):
    """A file whose content is not the table that is needed; the text says where and what would be right."""

    exit_code: ClassVar[int] = 3


@dataclass(frozen=True, slots=True)
class Table:
    """A file's columns by name, all of one length, with the line that each row began on."""

    name: str
    """The file's, for messages."""
    columns: dict[str, list[str]]
    lines: list[int]

    def __len__(self) -> int:
        return len(self.lines)

    def has(self, *names: str) -> bool:
        """Tell whether there is a column of one of these names."""
        return self._found(names) is not None

    def called(self, *names: str) -> str:
        """Return how the file calls the column of one of these names; the first that is there counts."""
        found = self._found(names)
        if found is None:
            raise BadTable(
                f"{self.name} has no column {names[0]!r}; its columns are {_listed(self.columns)}. "
                f"Rename one to {_either(names)}."
            )
        return found

    def text(self, *names: str) -> list[str]:
        """Return the cells of a column, stripped; none of them may be empty."""
        name = self.called(*names)
        cells = [cell.strip() for cell in self.columns[name]]
        if "" in cells:
            line = self.lines[cells.index("")]
            raise BadTable(f"{self.name}, line {line}: {name!r} is empty. Fill it in, or leave out the row.")
        return cells

    def numbers(self, *names: str, least: float = -math.inf) -> list[float]:
        """Return a column of finite numbers, none below `least`."""
        found = self.numbers_or_none(*names, least=least)
        if None in found:
            line = self.lines[found.index(None)]
            raise BadTable(f"{self.name}, line {line}: {self.called(*names)!r} is empty, where a number is needed.")
        return [one for one in found if one is not None]

    def numbers_or_none(self, *names: str, least: float = -math.inf) -> list[float | None]:
        """Return a column of finite numbers, with None for each empty cell."""
        name = self.called(*names)
        return [
            _number(cell, least, f"{self.name}, line {line}: {name!r}")
            for cell, line in zip(self.columns[name], self.lines, strict=True)
        ]

    def rows(self, places: Iterable[int]) -> "Table":
        """Return only the rows at these places."""
        wanted = list(places)
        columns = {name: [cells[place] for place in wanted] for name, cells in self.columns.items()}
        return Table(self.name, columns, [self.lines[place] for place in wanted])

    def _found(self, names: Sequence[str]) -> str | None:
        own = {_plain(name): name for name in reversed(self.columns)}
        return next((own[_plain(name)] for name in names if _plain(name) in own), None)


def read_table(path: str | Path) -> Table:
    """Return the table in a file: `.jsonl`, `.ndjson` and `.json` are JSON, all others CSV with a header.

    Also that of Parquet, of a log of Inspect (`.eval`) or a folder of them, and of the folder of a run.
    Raises `UsageError` for a path that cannot be read, and `BadTable` for content that is no table.
    """
    file = Path(path)
    if (found := _of_another_form(file)) is not None:
        return found
    text = _text(file)
    try:
        rows = _json_rows(file, text) if file.suffix.lower() in (*_JSON_LINES, ".json") else _csv_rows(text)
        header, _ = next(rows, ([], 0))
    except (csv.Error, RecursionError) as error:
        raise BadTable(
            f"{visible(file.name)} is no table: {error}. Write CSV with a header line, or JSON lines."
        ) from error
    _check_header(file, header)
    cells: list[list[str]] = [[] for _ in header]
    known: dict[str, str] = {}  # the same text again and again takes its memory once
    lines: list[int] = []
    try:
        for row, line in rows:
            if len(row) != len(header):
                raise BadTable(
                    f"{visible(file.name)}, line {line}: {len(row)} cells where the header has {len(header)}. "
                    "Correct the line; a cell with a comma needs quotes around it."
                )
            lines.append(line)
            for column, cell in zip(cells, row, strict=True):
                column.append(known.setdefault(cell, cell))
    except csv.Error as error:
        raise BadTable(
            f"{visible(file.name)}, after line {lines[-1] if lines else 1}: {error}. Correct the quotes."
        ) from error
    if not lines:
        raise BadTable(
            f"{visible(file.name)} has a header and no row. Put a row under it for each thing that was measured."
        )
    return Table(visible(file.name), dict(zip(header, cells, strict=True)), lines)


def _of_another_form(file: Path) -> Table | None:
    """Return the table of what is no text; what reads it is imported here, since it stands on tables."""
    try:
        file.stat()
    except (OSError, ValueError):  # what reads text says what is wrong
        return None
    if file.is_dir() and (file / "run.json").is_file():
        from copilot_kit_evals.exports import table_of as of_run

        return of_run(file)
    if (file.suffix.lower() == ".eval" and file.is_file()) or (file.is_dir() and any(file.glob("*.eval"))):
        from copilot_kit_evals.foreign.inspect_logs import table_of as of_inspect

        return of_inspect(file)
    if file.suffix.lower() == ".parquet" and file.is_file():
        from copilot_kit_evals.parquet import table_of as of_parquet

        return of_parquet(file)
    return None


def _text(file: Path) -> str:
    try:
        if file.is_dir():
            raise UsageError(f"{str(file)!r} is a directory. Name a file in it.")
        with file.open("rb") as opened:
            content = opened.read(MOST_BYTES + 1)  # not all: a device may never end
    except FileNotFoundError as error:
        raise UsageError(f"There is no file {str(file)!r}. Check the path.") from error
    except (OSError, ValueError) as error:
        raise UsageError(f"{str(file)!r} cannot be read: {error}. Name a file that can.") from error
    if len(content) > MOST_BYTES:
        raise BadTable(
            f"{visible(file.name)} is larger than {MOST_BYTES / 1e6:,.0f} MB, which is the most that is read. "
            "Keep only the columns and rows that are needed."
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BadTable(
            f"{visible(file.name)}, line {line}: byte {content[error.start]:#04x} is no UTF-8. Save the file as UTF-8."
        ) from error
    if not text.strip():
        raise BadTable(
            f"{visible(file.name)} is empty. A table has a header line and a row for each thing that was measured."
        )
    return text


def _check_header(file: Path, header: list[str]) -> None:
    seen: set[str] = set()
    twice = next((name for name in header if name in seen or seen.add(name)), None)  # type: ignore[func-returns-value]
    if twice is not None:
        raise BadTable(f"{visible(file.name)} has two columns {_cut(twice)!r}. Give each column a name of its own.")


def _csv_rows(text: str) -> Iterator[tuple[list[str], int]]:
    """Yield cells and line of the header and of each row; blank lines are no rows."""
    first = text.lstrip("\r\n").split("\n", 1)[0]
    delimiter = next((mark for mark in ",\t;" if mark in first), ",")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header = True
    begun = 1
    for row in reader:
        if row:
            yield ([name.strip() for name in row] if header else row), begun
            header = False
        begun = reader.line_num + 1


def _json_rows(file: Path, text: str) -> Iterator[tuple[list[str], int]]:
    """Yield the names of all keys, then the values of each object; a key that an object lacks is empty."""
    objects = list(_objects(file, text))
    header = list(dict.fromkeys(key for one, _ in objects for key in one))
    yield header, 0
    for one, line in objects:
        yield [_cell(one.get(key)) for key in header], line


def _objects(file: Path, text: str) -> Iterator[tuple[dict[str, Any], int]]:
    pieces = [text] if file.suffix.lower() == ".json" else text.split("\n")
    for line, piece in enumerate(pieces, 1):
        if not piece.strip():
            continue
        try:
            value = json.loads(piece)
        except ValueError as error:
            raise BadTable(
                f"{visible(file.name)}, line {line}: this is no JSON ({error}). Write one object a line."
            ) from error
        for place, one in enumerate(value if isinstance(value, list) else [value]):
            if not isinstance(one, dict):
                raise BadTable(
                    f"{visible(file.name)}, line {line}: {_cut(str(one))!r} is no object. Write one object a line."
                )
            yield dict(_flat(one)), line + place


def _flat(record: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield keys and values; a record within the record gives its own as `outer.inner`."""
    for key, value in record.items():
        if isinstance(value, dict):
            yield from ((f"{key}.{inner}", one) for inner, one in value.items())
        else:
            yield key, value


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def _number(cell: str, least: float, where: str) -> float | None:
    bare = cell.strip()
    if not bare:
        return None
    try:
        value = float(bare)
    except ValueError:
        value = TRUTHS.get(bare.lower(), math.nan)
    if not math.isfinite(value) or "_" in bare:
        raise BadTable(f"{where} is {_cut(cell)!r}, which is no number. Correct it, or leave it empty.")
    if value < least:
        raise BadTable(f"{where} is {_cut(cell)!r}, and may not be below {least:g}. Correct it.")
    return value


def _plain(name: str) -> str:
    return "_".join(name.replace("-", " ").replace("_", " ").lower().split())


def _listed(names: Iterable[str]) -> str:
    known = list(names)
    rest = f" and {len(known) - 8} more" if len(known) > 8 else ""  # noqa: PLR2004  a line has an end
    return ", ".join(repr(_cut(name)) for name in known[:8]) + rest


def _either(names: Sequence[str]) -> str:
    return " or ".join(repr(name) for name in names[:4])


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
