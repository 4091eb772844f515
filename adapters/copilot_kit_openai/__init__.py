"""Models behind OpenAI's APIs (responses and chat completions), at OpenAI and at the servers that speak them."""

from copilot_kit_openai.opening import open_model

__all__ = ["open_model"]
