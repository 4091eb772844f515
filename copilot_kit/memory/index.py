"""The full text index of a folder in one SQLite file: passages of files, found by their words.

It holds nothing that is not in the files, so that it may be thrown away at any time. SQLite's index keeps no text of
its own; to take a passage out of it one must know its words, so the text of each file is kept beside it, compressed.
"""

import os
import sqlite3
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from copilot_kit.errors import UsageError
from copilot_kit.memory.passages import Passage, passages_of
from copilot_kit.memory.tree import Content
from copilot_kit.memory.words import humps, levelled

VERSION: Final = 1
"""Of the tables and of how text is cut and levelled; another one's file is built anew."""
BUILD_WAIT_S: Final = 60.0
COMMON_FROM: Final = 500
"""Words in so many passages are counted."""
WEIGHTS: Final = "4.0, 2.0, 1.0, 0.5"
"""What a word counts in the name of the file, in the headings, in the lines, as a part of a name in them."""

_SCHEMA: Final = f"""
CREATE TABLE files(
    id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, stamp TEXT NOT NULL, changed_ns INTEGER NOT NULL,
    digest BLOB NOT NULL, skipped TEXT);
CREATE TABLE texts(file INTEGER PRIMARY KEY, packed BLOB NOT NULL);
CREATE TABLE passages(id INTEGER PRIMARY KEY, file INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL);
CREATE INDEX passages_of ON passages(file);
CREATE VIRTUAL TABLE found USING fts5(name, headings, lines, humps, content='', tokenize='ascii');
INSERT INTO found(found, rank) VALUES('hashsize', 16777216);
INSERT INTO found(found, rank) VALUES('rank', 'bm25({WEIGHTS})');
CREATE VIRTUAL TABLE vocabulary USING fts5vocab(found, 'row');
CREATE TABLE common(word TEXT PRIMARY KEY, passages INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE state(counted INTEGER NOT NULL, is_complete INTEGER NOT NULL);
INSERT INTO state VALUES(0, 0);
PRAGMA user_version = {VERSION};
"""
_RANKED: Final = """
SELECT p.id, f.path, p.first, p.last, f.digest, f.changed_ns, -found.rank
FROM found JOIN passages p ON p.id = found.rowid JOIN files f ON f.id = p.file
WHERE found MATCH :match
AND (:within = '' OR f.path = :within OR (f.path > :within || '/' AND f.path < :within || '0'))
ORDER BY found.rank LIMIT :limit
"""
_NEWEST: Final = """
SELECT p.id, f.path, p.first, p.last, f.digest, f.changed_ns, -m.score FROM (
    SELECT rowid AS id, rank AS score FROM found WHERE found MATCH :match ORDER BY rowid DESC LIMIT :newest
) m JOIN passages p ON p.id = m.id JOIN files f ON f.id = p.file ORDER BY m.score LIMIT :limit
"""
_STAMPS: Final = """
SELECT path, stamp FROM files
WHERE :under = '' OR path = :under OR (path > :under || '/' AND path < :under || '0')
"""
_MOST_LOG_BYTES: Final = 16_000_000
_BUSY: Final = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_ROW: TypeAlias = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class Found:
    """A passage that an index found; its lines are in the file, if that still has this digest."""

    id: int
    path: str
    first: int
    last: int
    digest: bytes
    changed_ns: int
    score: float


class Busy(Exception):
    """Another process is writing the index."""


def is_broken(error: sqlite3.Error) -> bool:
    """Return whether the file is to be thrown away, as against one that somebody is at work on."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF not in _BUSY


class Index:
    """One index file, open; any thread may use it. Raises `sqlite3.Error` where the file is broken."""

    def __init__(self, database: Path) -> None:
        self.database = database
        self._process = -1
        self._reading, self._writing = threading.Lock(), threading.Lock()
        self._version, self._common = -1, dict[str, int]()
        self._writer = _connected(database)
        try:
            self._prepare()
            self._reader = _connected(database)
            self._reader.execute("PRAGMA query_only = ON")
            status = database.stat()
        except BaseException:
            self._writer.close()
            raise
        self._identity = (status.st_dev, status.st_ino)
        self._process = os.getpid()

    def close(self) -> None:
        """Close the file."""
        self._reader.close()
        self._writer.close()

    def __del__(self) -> None:
        if self._process == os.getpid():  # what a fork inherited is not its own to close
            self.close()

    def is_in_place(self) -> bool:
        """Whether the file is still the one at its path."""
        try:
            status = self.database.stat()
        except OSError:
            return False
        return (status.st_dev, status.st_ino) == self._identity

    def is_complete(self) -> bool:
        """Whether all files were looked at once."""
        return self._one("SELECT is_complete FROM state") == 1

    def stamps(self, under: str = "") -> dict[str, str]:
        """Return the stamps of the files that are known below a folder, by their paths."""
        with self._reading:
            return dict(self._reader.execute(_STAMPS, {"under": under}))

    def known(self, path: str) -> tuple[str, bytes] | None:
        """Return stamp and digest of a file; None: it is not known."""
        with self._reading:
            row: tuple[str, bytes] | None = self._reader.execute(
                "SELECT stamp, digest FROM files WHERE path = ?", (path,)
            ).fetchone()
        return row

    def counts(self) -> dict[str, int]:
        """Return how many files were read (under `read`) and how many not, by the reason."""
        with self._reading:
            return dict(self._reader.execute("SELECT ifnull(skipped, 'read'), count(*) FROM files GROUP BY 1"))

    def passages(self) -> int:
        """Return how many passages there are."""
        return self._one("SELECT count(*) FROM passages")

    def common(self) -> Mapping[str, int]:
        """Return in how many passages the commonest words were when they were last counted."""
        with self._reading:
            version = self._reader.execute("PRAGMA data_version").fetchone()[0]
            if version != self._version:
                self._common = dict(self._reader.execute("SELECT word, passages FROM common"))
                self._version = version
            return self._common

    def ranked(self, match: str, *, limit: int, within: str = "", newest: int | None = None) -> list[Found]:
        """Return the passages that match, the best first.

        newest: rank only so many of them, the last that were indexed; `within` is not looked at then.
        """
        given = {"match": match, "limit": limit, "within": within, "newest": newest}
        with self._reading:
            rows = self._reader.execute(_RANKED if newest is None else _NEWEST, given).fetchall()
        return [Found(*row) for row in rows]

    def update(
        self, paths: Iterable[str], read: Callable[[str], Content | None], *, wait_s: float = BUILD_WAIT_S
    ) -> None:
        """Take in files as they are now, all at once; raises `Busy` if another process writes for so long.

        Others can read what was there before, while the files are read one by one.
        """
        with self._writing, self._transaction(wait_s):
            for path in paths:
                content = read(path)
                if content is None:
                    self._remove(path)
                else:
                    self._put(content)
            self._count()
            self._writer.execute("UPDATE state SET is_complete = 1")
        if self._log_bytes() > _MOST_LOG_BYTES:
            self._writer.execute("PRAGMA busy_timeout = 0")  # who reads now is not waited for
            self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _log_bytes(self) -> int:
        try:
            return self.database.with_name(self.database.name + "-wal").stat().st_size
        except OSError:
            return 0

    def _put(self, content: Content) -> None:
        row = self._writer.execute("SELECT id, digest FROM files WHERE path = ?", (content.path,)).fetchone()
        if row and row[1] == content.digest and content.digest:
            self._writer.execute(
                "UPDATE files SET stamp = ?, changed_ns = ? WHERE id = ?", (content.stamp, content.changed_ns, row[0])
            )
            return
        self._remove(content.path)
        file = self._writer.execute(
            "INSERT INTO files(path, stamp, changed_ns, digest, skipped) VALUES(?, ?, ?, ?, ?)",
            (content.path, content.stamp, content.changed_ns, content.digest, content.skipped),
        ).lastrowid
        if content.skipped is not None:
            return
        self._writer.execute("INSERT INTO texts VALUES(?, ?)", (file, zlib.compress(content.text.encode(), 1)))
        for passage, row in _rows(content.path, content.text):
            place = self._writer.execute(
                "INSERT INTO passages(file, first, last) VALUES(?, ?, ?)", (file, passage.first, passage.last)
            ).lastrowid
            self._writer.execute(
                "INSERT INTO found(rowid, name, headings, lines, humps) VALUES(?, ?, ?, ?, ?)", (place, *row)
            )

    def _remove(self, path: str) -> None:
        known = self._writer.execute("SELECT id FROM files WHERE path = ?", (path,)).fetchone()
        if known is None:
            return
        packed = self._writer.execute("SELECT packed FROM texts WHERE file = ?", known).fetchone()
        if packed is not None:
            places = self._writer.execute("SELECT id FROM passages WHERE file = ? ORDER BY id", known).fetchall()
            rows = _rows(path, _unpacked(packed[0]))
            self._writer.executemany(
                "INSERT INTO found(found, rowid, name, headings, lines, humps) VALUES('delete', ?, ?, ?, ?, ?)",
                [(place, *row) for (place,), (_, row) in zip(places, rows, strict=True)],
            )
        self._writer.execute("DELETE FROM passages WHERE file = ?", known)
        self._writer.execute("DELETE FROM texts WHERE file = ?", known)
        self._writer.execute("DELETE FROM files WHERE id = ?", known)

    def _count(self) -> None:
        """Count the common words again when there is twice as much text, so that it costs little in the long run."""
        passages = self._writer.execute("SELECT count(*) FROM passages").fetchone()[0]
        counted = self._writer.execute("SELECT counted FROM state").fetchone()[0]
        if passages < max(2 * counted, COMMON_FROM):
            return
        self._writer.execute("DELETE FROM common")
        self._writer.execute("INSERT INTO common SELECT term, doc FROM vocabulary WHERE doc >= ?", (COMMON_FROM,))
        self._writer.execute("UPDATE state SET counted = ?", (passages,))

    def _prepare(self) -> None:
        with self._transaction(BUILD_WAIT_S):
            version = self._writer.execute("PRAGMA user_version").fetchone()[0]
            if version not in (0, VERSION):
                raise sqlite3.DatabaseError("made by another version")
            if version == 0:
                for statement in _SCHEMA.strip().removesuffix(";").split(";\n"):
                    self._writer.execute(statement)

    @contextmanager
    def _transaction(self, wait_s: float) -> Iterator[None]:
        self._writer.execute(f"PRAGMA busy_timeout = {int(wait_s * 1000)}")
        try:
            self._writer.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if is_broken(error):
                raise
            raise Busy from error
        try:
            yield
            self._writer.execute("COMMIT")
        except BaseException:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            raise

    def _one(self, statement: str) -> int:
        with self._reading:
            value: int = self._reader.execute(statement).fetchone()[0]
            return value


def _rows(path: str, text: str) -> Iterator[tuple[Passage, _ROW]]:
    """Yield the passages of a file with what is indexed of each; the same for the same text."""
    name = levelled(path)
    for passage in passages_of(path, text):
        yield passage, (name, levelled(passage.headings), levelled(passage.text), humps(f"{path} {passage.text}"))


def _unpacked(packed: bytes) -> str:
    try:
        return zlib.decompress(packed).decode()
    except (zlib.error, UnicodeDecodeError) as error:
        raise sqlite3.DatabaseError("a text in the index is broken") from error


def _connected(database: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(database, timeout=BUILD_WAIT_S, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA cache_size = -8000")
    except BaseException:
        connection.close()
        raise
    if not _has_full_text(connection):
        connection.close()
        raise UsageError(
            f"This Python's SQLite {sqlite3.sqlite_version} has no full text search (FTS5). Use a Python that was "
            "built with it, as those of python.org, Debian, Homebrew and uv are."
        )
    return connection


def _has_full_text(connection: sqlite3.Connection) -> bool:
    options = {row[0] for row in connection.execute("PRAGMA compile_options")}
    return "ENABLE_FTS5" in options
