"""A task much longer than the model's window: records worked through from notes, corrections on the way, questions."""
