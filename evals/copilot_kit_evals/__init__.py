"""Evals that decide: suites, runs, statistics, verdicts; stands on the core and on no adapter."""
