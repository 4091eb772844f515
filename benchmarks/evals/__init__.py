"""What a trivial attempt costs an eval harness: ours beside others."""
