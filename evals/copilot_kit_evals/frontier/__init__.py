"""The frontier of an application: which model each slot has, by what evidence, and how that changes."""
