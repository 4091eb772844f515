"""A run as Parquet: the columns of its table with their types, in row groups that are written as they fill.

Through pyarrow, Arrow's own reference implementation (a release every few months): it appends row groups to an open
file, which polars of the same weight does not.
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from copilot_kit.errors import MissingExtra
from copilot_kit_evals.exports import columns, rows
from copilot_kit_evals.folder import RunFolder
from copilot_kit_evals.tables import BadTable, Table

if TYPE_CHECKING:
    import pyarrow as pa

ROW_GROUP: Final = 10_000
"""Rows that are held in memory at a time."""
_INTEGERS: Final = frozenset({"repeat", "tokens_in", "tokens_out"})
_NUMBERS: Final = frozenset({"score", "cost", "latency_s"})


def to_parquet(run: RunFolder, path: Path, *, group: int = ROW_GROUP) -> int:
    """Write the run's table and return its rows; a file that was begun and not ended is taken away."""
    pq = _parquet()
    import pyarrow as pa

    schema = pa.schema([pa.field(name, _type(name)) for name in columns(run)])
    count, left = 0, rows(run)
    try:
        with pq.ParquetWriter(path, schema, compression="zstd") as writer:
            while batch := list(islice(left, group)):
                found = [list(column) for column in zip(*batch, strict=True)][: len(schema)]
                writer.write_batch(pa.record_batch(found, schema=schema))
                count += len(batch)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return count


def _type(name: str) -> "pa.DataType":
    import pyarrow as pa

    if name == "tags":
        return pa.list_(pa.string())
    return pa.int64() if name in _INTEGERS else pa.float64() if name in _NUMBERS else pa.string()


def table_of(path: Path) -> Table:
    """Return a Parquet file as a table, like one that was read from CSV; lists have `;` between their members."""
    pq = _parquet()
    import pyarrow as pa

    try:
        with pq.ParquetFile(path) as file:
            names = list(file.schema_arrow.names)
            cells: dict[str, list[str]] = {name: [] for name in names}
            for batch in file.iter_batches():
                for name in names:
                    cells[name] += _texts(batch.column(name).to_pylist())
            count = file.metadata.num_rows
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise BadTable(f"{path.name!r} is no Parquet that can be read: {reason}. Write it again, or as CSV.") from error
    if len(set(names)) != len(names) or not count:
        raise BadTable(f"{path.name!r} has no row, or two columns of one name. Write a table of attempts.")
    return Table(path.name, cells, list(range(1, count + 1)))


def _texts(values: list[Any]) -> Iterator[str]:
    for value in values:
        if isinstance(value, list):
            yield ";".join(map(str, value))
        else:
            yield "" if value is None else str(value)


def _parquet() -> Any:
    try:
        import pyarrow.parquet as pq
    except ModuleNotFoundError as error:
        raise MissingExtra("Parquet", "parquet") from error
    return pq
