"""What approvals cost at size: ten thousand things that wait, and a run of a thousand steps."""
