"""The weights as `copilot-kit models` and `copilot-kit doctor` see them, by the entry point `copilot_kit.weights`."""

from copilot_kit_local.catalogue import CATALOGUE
from copilot_kit_local.weights import find, pull

__all__ = ["CATALOGUE", "find", "pull"]
