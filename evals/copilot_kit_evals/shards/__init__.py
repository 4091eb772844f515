"""A run in shards that workers elsewhere make: sent out, followed while they work, and merged into one run."""
