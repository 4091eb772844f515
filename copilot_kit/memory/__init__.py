"""Memory in plain files: one folder that people and models read and write, with a history of every change."""
