"""Searching a memory of 10,000 files: ours beside ripgrep and a plain script over SQLite's FTS5."""
