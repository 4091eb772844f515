"""Small models without a key: llama.cpp in the process, weights from the Python package index."""

from copilot_kit_local.opening import open_model

__all__ = ["open_model"]
