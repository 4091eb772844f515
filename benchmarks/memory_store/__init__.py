"""What the store of a memory costs, beside writing the same files by hand."""
