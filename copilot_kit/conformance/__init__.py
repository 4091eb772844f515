"""Judges adapters by recorded traffic: `check_corpus` replays a folder of exchanges and says what differed."""

from copilot_kit.conformance.check import check_corpus, check_recording
from copilot_kit.conformance.corpus import BrokenCorpus, Recording, recordings
from copilot_kit.conformance.report import Report, Verdict
from copilot_kit.conformance.wire_check import ENTRY_POINTS, Said, WireCheck, installed

__all__ = [
    "check_corpus",
    "check_recording",
    "Report",
    "Verdict",
    "WireCheck",
    "Said",
    "ENTRY_POINTS",
    "installed",
    "Recording",
    "recordings",
    "BrokenCorpus",
]
