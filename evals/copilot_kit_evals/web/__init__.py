"""Runs in a browser: what they hold, and pages on which people compare and label answers without knowing whose."""
