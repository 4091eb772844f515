"""Typed previews as lines of a card: money and receivers, diffs, tables; each line of others' text in the margin."""

from collections.abc import Iterator, Sequence

from copilot_kit.cli.screen import added, bold, dim, removed, warned
from copilot_kit.display import MARGIN, block, visible, width_of
from copilot_kit.records import Preview

_GAP = "  "


def consequence_lines(preview: Preview, *, width: int) -> list[str]:
    """Return what leaves, whom it reaches and whether it can be taken back: what stands first on a card."""
    lines: list[str] = []
    if preview.cost is not None:
        lines += labelled("costs", preview.cost, width=width, strong=True)
    for receiver in preview.recipients:
        lines += labelled("reaches", receiver, width=width, strong=True)
    if preview.reversible is not None:
        lines.append(dim("  can be taken back") if preview.reversible else warned("  cannot be taken back"))
    return lines


def labelled(label: str, value: str, *, width: int, strong: bool = False) -> list[str]:
    """Return a short value beside our word for it, a longer one below it in the margin."""
    shown = visible(value)
    if width_of(shown) + len(label) + 4 <= width:
        return [f"  {dim(label)}  {bold(shown) if strong else shown}"]
    return [f"  {dim(label)}", *block(value, width=width)]


def title_of(preview: Preview, *, tool: str, width: int) -> str:
    """Return our heading of the preview, with its title where it fits beside; else the title is not a heading."""
    heading = "  what comes of it"
    title = visible(preview.title)
    fits = title and preview.title != tool and width_of(title) + len(heading) + 2 <= width
    return f"{heading}: {title}" if fits else heading


def body_lines(preview: Preview, *, tool: str, width: int, without_body: bool = False) -> list[str]:
    """Return the preview itself; a title that is too long for the heading is its first line.

    without_body: the same text stands on the card already.
    """
    beside = title_of(preview, tool=tool, width=width).endswith(f": {visible(preview.title)}")
    above = [] if beside or preview.title in ("", tool) else block(preview.title, width=width)
    match preview.kind:
        case "diff":
            return [*above, *_diff_lines(preview.body, width)]
        case "table":
            body = block(preview.body, width=width) if preview.body else []
            return [*above, *body, *_table_lines(preview.rows, width)]
        case "text":
            return [*above, *(block(preview.body, width=width) if preview.body and not without_body else [])]


def _diff_lines(body: str, width: int) -> list[str]:
    lines: list[str] = []
    in_hunk = False
    for line in body.split("\n"):
        in_hunk = in_hunk or line.startswith("@@")
        pieces = block(line, width=width)
        match line[:1]:
            case "+" if in_hunk:
                lines += map(added, pieces)
            case "-" if in_hunk:
                lines += map(removed, pieces)
            case " " if in_hunk:
                lines += pieces
            case _:
                lines += map(dim, pieces)
    return lines


def _table_lines(rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """Return rows with columns under each other; where they do not fit beside each other, a line for each cell."""
    if not rows:
        return []
    most = max(map(len, rows))
    cells = [[visible(cell) for cell in [*row, *[""] * (most - len(row))]] for row in rows]
    widths = [max(width_of(row[column]) for row in cells) for column in range(most)]
    if len(MARGIN) + sum(widths) + len(_GAP) * (most - 1) > width:
        return list(_stacked(rows, width))
    numbers = [_are_numbers([row[column] for row in cells[1:]]) for column in range(most)]
    first, *rest = [_aligned(row, widths, numbers) for row in cells]
    return [f"{MARGIN}{bold(first)}", *(f"{MARGIN}{line}" for line in rest)]


def _aligned(row: Sequence[str], widths: Sequence[int], numbers: Sequence[bool]) -> str:
    padded = [
        f"{' ' * (room - width_of(cell))}{cell}" if is_number else f"{cell}{' ' * (room - width_of(cell))}"
        for cell, room, is_number in zip(row, widths, numbers, strict=True)
    ]
    return _GAP.join(padded).rstrip()


def _are_numbers(cells: Sequence[str]) -> bool:
    filled = [cell.split(" ")[0].replace(",", "").replace(".", "").removeprefix("-") for cell in cells if cell]
    return bool(filled) and all(cell.isdigit() for cell in filled)


def _stacked(rows: Sequence[Sequence[str]], width: int) -> Iterator[str]:
    names = rows[0]
    for number, row in enumerate(rows[1:], start=1):
        yield f"{MARGIN}{dim(f'row {number}')}"
        for column, cell in enumerate(row):
            name = names[column] if column < len(names) else str(column + 1)
            yield from block(f"{name}: {cell}", width=width)
    if len(rows) == 1:
        yield from block(" ".join(names), width=width)
