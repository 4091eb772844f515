"""Any sequence of operations by two writers against a plain dict; the history leads to the same contents."""

import itertools
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from copilot_kit.memory.entries import Author
from copilot_kit.memory.memory import Memory
from copilot_kit.memory.problems import MemoryProblem, NotAFile, NotUndoable

NAMES = ("a.md", "b.md", "x/a.md", "x/y/b.md", "z/a.md")
FOLDERS = ("x", "x/y", "z", "new", "new/x")
TEXTS = ("", "one\n", "two\n", "one\ntwo\n", "two\none\n", "end")
WRITERS = (Author(kind="person", id="ann"), Author(kind="model", run_id="run_1"))

names = st.sampled_from(NAMES)
texts = st.sampled_from(TEXTS)
writers = st.integers(0, 1)


class Notes(RuleBasedStateMachine):
    """Two open memories on one folder, a hand that edits its files, and a dict that says what must be there."""

    @initialize()
    def begin(self):
        self.folder = tempfile.mkdtemp()
        self.root = Path(self.folder, "notes")
        numbers = itertools.count(1)
        self.memories = [Memory(self.root, new_id=lambda prefix: f"{prefix}_{next(numbers)}") for _ in WRITERS]
        self.files = {}
        self.told = []

    def teardown(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def is_blocked(self, path):
        """Whether a file stands where a folder is needed, or the other way round."""
        return any(path.startswith(f"{one}/") or one.startswith(f"{path}/") for one in self.files)

    @rule(name=names, text=texts, who=writers)
    def write(self, name, text, who):
        try:
            entry = self.memories[who].write(name, text, by=WRITERS[who])
        except MemoryProblem:
            assert self.is_blocked(name) or (self.root / name).is_dir()
            return
        self.told.append((entry, dict(self.files)))
        self.files[name] = text

    @rule(name=names, text=texts, who=writers)
    def append(self, name, text, who):
        try:
            entry = self.memories[who].change(name, lambda now: now + text, by=WRITERS[who])
        except MemoryProblem:
            assert name not in self.files
            return
        self.told.append((entry, dict(self.files)))
        self.files[name] += text

    @rule(name=names, text=texts)
    def edit_by_hand(self, name, text):
        if name in self.files:
            (self.root / name).write_text(text)
            self.files[name] = text

    @rule(path=st.sampled_from(NAMES + FOLDERS), who=writers)
    def delete(self, path, who):
        inside = [one for one in self.files if one == path or one.startswith(f"{path}/")]
        try:
            entries = self.memories[who].delete(path, by=WRITERS[who])
        except MemoryProblem:
            assert not inside
            return
        assert sorted(e.path for e in entries) == sorted(inside)
        for entry in entries:
            self.told.append((entry, dict(self.files)))
            del self.files[entry.path]

    @rule(old=st.sampled_from(NAMES + FOLDERS), new=st.sampled_from(NAMES + FOLDERS), who=writers)
    def rename(self, old, new, who):
        before = dict(self.files)
        try:
            self.memories[who].rename(old, new, by=WRITERS[who])
        except MemoryProblem:
            return
        for one in [one for one in self.files if one == old or one.startswith(f"{old}/")]:
            self.files[new + one[len(old) :]] = self.files.pop(one)
        assert len(self.files) == len(before)

    @rule(number=st.integers(0, 5), who=writers)
    def undo(self, number, who):
        if not self.told:
            return
        entry, before = self.told[-1 - number % len(self.told)]
        try:
            self.memories[who].undo(entry.id, by=WRITERS[who])
        except (NotUndoable, NotAFile):  # or a file stands now where its folder was
            return
        except MemoryProblem:
            assert entry.before is not None  # something else stands in the way by now
            assert entry.path not in self.files
            return
        if entry.before is None:
            del self.files[entry.path]
        else:
            self.files[entry.path] = before[entry.path]

    @invariant()
    def the_files_are_what_the_dict_says(self):
        if hasattr(self, "files"):
            there = {
                str(path.relative_to(self.root)): path.read_bytes().decode()
                for path in self.root.rglob("*")
                if path.is_file() and ".copilot-kit" not in path.parts
            }
            assert there == self.files

    @invariant()
    def the_history_leads_to_the_same_contents(self):
        if not hasattr(self, "files"):
            return
        reader, writer = self.memories
        for name in self.files:
            blocks = reader.blocks(name)
            assert blocks == writer.blocks(name) == Memory(self.root).blocks(name)
            assert sum(b.last - b.first + 1 for b in blocks) == len(self.files[name].splitlines())
            assert not any(b.entry is None for b in blocks)
        reader.doctor(repair=True)
        latest, chain = {}, {}
        for entry in writer.history():
            assert entry.moved_from is not None or entry.before == chain.get(entry.path)
            chain[entry.path] = entry.after
            latest[entry.path] = entry.after
        digests = {name: reader.page(name).digest for name in self.files}
        assert {path: after for path, after in latest.items() if after} == digests
        assert [f.kind for f in reader.doctor()] == []


TestNotes = Notes.TestCase
TestNotes.settings = settings(max_examples=30, stateful_step_count=12, deadline=None)


@pytest.mark.slow
class TestNotesAtLength(Notes.TestCase):
    """The same with more and longer sequences."""

    settings = settings(max_examples=400, stateful_step_count=25, deadline=None)
