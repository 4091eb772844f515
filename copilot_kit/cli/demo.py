"""`copilot-kit demo`: placeholder until the demo lands."""


def demo() -> None:
    """Say that there is none yet."""
