"""Judges adapters by recorded traffic: `check_corpus` replays a folder of exchanges and says what differed."""

from copilot_kit.conformance.wire_check import Said, WireCheck

__all__ = ["Said", "WireCheck"]
