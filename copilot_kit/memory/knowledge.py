"""Documents that a model looks things up in: a folder of Markdown and text, which nothing here ever writes to.

    knowledge = Knowledge("docs/")
    agent = Agent("...", tools=[*knowledge.tools(), send_reply])

The model gets two tools, `search_docs` and `read_docs`. What they return cites file and lines, and is not trusted
unless the application says that the folder is.
"""

import contextlib
import hashlib
import os
import re
import sys
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field

from copilot_kit.display import clipped
from copilot_kit.errors import UsageError
from copilot_kit.memory.entries import Hit
from copilot_kit.memory.passages import lines_of
from copilot_kit.memory.paths import PREFIX, place_of
from copilot_kit.memory.problems import MemoryProblem, quoted
from copilot_kit.memory.search import Search
from copilot_kit.memory.tree import MAX_FILE_BYTES, Content, Tree
from copilot_kit.messages import Source, Text
from copilot_kit.outputs import ToolError
from copilot_kit.tools import Tool, tool

MOST_RESULTS: Final = 20
MOST_PASSAGE_CHARS: Final = 4_000
MOST_LINES: Final = 400
MOST_CHARS: Final = 30_000
_MOST_NAMED = 20
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,39}")
_SKIPPED = {"binary": "no text", "huge": "too big", "unreadable": "not readable"}


class Knowledge:
    """A folder of documents to search and to read."""

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        name: str = "docs",
        trusted: bool = False,
        max_file_bytes: int = MAX_FILE_BYTES,
        index: str | os.PathLike[str] | None = None,
    ) -> None:
        """Name the folder; nothing is read before the first call.

        name: what models call it, in the tools' names and in citations.
        trusted: nobody but the application's owner can write to it, so that what it says may be acted on.
        index: the file with the search index; without one it is in this user's cache folder.
        """
        folder = Path(root)
        if not folder.is_dir():
            raise UsageError(f"Cannot open documents in {str(root)!r}: there is no such folder. Name one that exists.")
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"Documents cannot be called {name!r}: a name has letters, digits, '_' and '-', and begins with a "
                "letter. Give one: Knowledge(..., name='docs')."
            )
        self.name: Final = name
        self.trusted: Final = trusted
        self._tree = Tree(folder, max_file_bytes=max_file_bytes, shared=True)
        database = Path(index) if index is not None else _cached(self._tree.root, max_file_bytes)
        self._search = Search(folder, database, max_file_bytes=max_file_bytes, shared=True)

    def search(self, query: str, *, limit: int = 5) -> list[Hit]:
        """Return the passages that answer plain words best, the best first."""
        return self._search.search(query, limit=limit)

    def counts(self) -> dict[str, int]:
        """Return how many files are searched (under `read`) and how many are not, by the reason."""
        return self._search.counts()

    def tools(self) -> tuple[Tool[..., list[Text]], Tool[..., list[Text]]]:
        """Return the tools that search and read."""

        def search(
            query: Annotated[str, "a few words; passages with the rarest of them come first"],
            limit: Annotated[int, Field(ge=1, le=MOST_RESULTS)] = 5,
        ) -> list[Text]:
            return self._found(query, limit)

        def read(
            path: Annotated[str, "as search results cite it, without the lines"],
            first_line: Annotated[int, Field(ge=1)] = 1,
            last_line: Annotated[int | None, "without it, to the end of the file"] = None,
        ) -> list[Text]:
            return [self._read(path, first_line, last_line)]

        return (
            tool(
                effect="read",
                name=f"search_{self.name}",
                trusted_result=self.trusted,
                description=f"Search the documents in {self.name}. Each result begins with path:first-last line, which "
                "is how to cite it.",
            )(search),
            tool(
                effect="read",
                name=f"read_{self.name}",
                trusted_result=self.trusted,
                description=f"Read lines of a document in {self.name}, at most {MOST_LINES} at once.",
            )(read),
        )

    def _found(self, query: str, limit: int) -> list[Text]:
        hits = self.search(query, limit=min(limit, MOST_RESULTS))
        if not hits:
            return [Text(text=self._nothing(query))]
        texts = [self._quoted(hit.path, hit.first, hit.last, _shortened(hit.text)) for hit in hits]
        gaps = [text.model_copy(update={"text": f"{text.text}\n\n"}) for text in texts[:-1]]
        return [*gaps, texts[-1]]

    def _nothing(self, query: str) -> str:
        counts = self.counts()
        skipped = [f"{counts[why]} {words}" for why, words in _SKIPPED.items() if why in counts]
        left_out = f" Not searched: {', '.join(skipped)}." if skipped else ""
        return (
            f"No passage in {self.name} has any of these words: {clipped(query, 100)!r}. Searched: "
            f"{counts.get('read', 0)} files.{left_out} Try other words for the same thing."
        )

    def _read(self, given: str, first: int, last: int | None) -> Text:
        content = self._content(given)
        lines = lines_of(content.text)
        if not lines:
            return Text(text=f"{self.name}/{content.path} is empty.")
        if first > len(lines) or (last is not None and last < first):
            asked = f"{first}-{last or ''}"
            raise ToolError(
                f"{self.name}/{content.path} has lines 1-{len(lines)}, so there is nothing in {asked}. Ask for lines "
                "between those, the first one first."
            )
        end = min(len(lines), last or len(lines), first + MOST_LINES - 1)
        while end > first and sum(map(len, lines[first - 1 : end])) > MOST_CHARS:
            end = first + (end - first) // 2
        text = "\n".join(lines[first - 1 : end])
        if len(text) > MOST_CHARS:
            text = f"{text[:MOST_CHARS]} [cut: {len(text) - MOST_CHARS} more characters in this line]"
        if end < min(len(lines), last or len(lines)):
            text += f"\n[{self.name}/{content.path} has {len(lines)} lines; go on with first_line={end + 1}]"
        return self._quoted(content.path, first, end, text)

    def _content(self, given: str) -> Content:
        """Return what is in the file that a model names, as citations name it or from the root on."""
        shown = quoted(given)
        tried = [given.removeprefix("/").removeprefix(f"{self.name}/"), given.removeprefix("/")]
        for path in tried:
            try:
                place = place_of(f"/{PREFIX}/{path}")  # as a memory's path: what is refused there is refused here
            except MemoryProblem:
                raise ToolError(
                    f"The path {shown} is not one of a document in {self.name}. Write it as search_{self.name} cites "
                    f"it, for instance {self._some('')}."
                ) from None
            content = self._tree.read(place.path) if place.parts else None
            if content is not None and content.skipped is None:
                return content
            if content is not None:
                raise ToolError(f"{shown} cannot be read: it is {_SKIPPED[content.skipped or 'binary']}.")
        folder = tried[0].strip("/")
        raise ToolError(f"There is no document {shown} in {self.name}. There are: {self._some(folder)}.")

    def _some(self, folder: str) -> str:
        """Return the names of some documents, those in a folder if there are any."""
        known = sorted(path for path, _ in self._tree.files())
        near = [path for path in known if path.startswith(f"{folder}/")] or known
        named = ", ".join(f"{self.name}/{path}" for path in near[:_MOST_NAMED])
        more = f" and {len(near) - _MOST_NAMED} more" if len(near) > _MOST_NAMED else ""
        return f"{named}{more}" if near else "none"

    def _quoted(self, path: str, first: int, last: int, text: str) -> Text:
        ref = f"{self.name}/{path}:{first}-{last}"
        source = Source(kind="document", ref=ref, trusted=self.trusted)
        return Text(text=f"{ref}\n{text}", source=source)


def _shortened(text: str) -> str:
    if len(text) <= MOST_PASSAGE_CHARS:
        return text
    return f"{text[:MOST_PASSAGE_CHARS]} [cut: {len(text) - MOST_PASSAGE_CHARS} more characters]"


def _cached(root: Path, max_file_bytes: int) -> Path:
    """Return where this user keeps the index of a folder."""
    home = Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache")
    with contextlib.suppress(KeyError):
        home = Path(os.environ["XDG_CACHE_HOME"] or home)
    key = hashlib.blake2b(os.fsencode(f"{max_file_bytes} {root}"), digest_size=12).hexdigest()
    return home / "copilot-kit" / "search" / f"{key}.db"
