"""Statistics as small pure functions over arrays, each with its source and its reference value."""
