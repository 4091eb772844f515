"""Whether to take a candidate: a pure function of a log, by a rule that was fixed before the run."""
