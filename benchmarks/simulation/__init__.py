"""Agents, people, crashes and a store that fails, all played by one seed: the same seed tells the same story."""
