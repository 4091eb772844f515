"""What durability costs: the journal beside a bare SQLite loop on the same disk."""
