"""Runs the check without the command line: `python -m copilot_kit.conformance DIR [--json] [--with module:name]`."""

import argparse
import asyncio
import json
import sys
from importlib import import_module
from pathlib import Path

from copilot_kit.conformance.check import check_corpus
from copilot_kit.conformance.report import Report, Verdict
from copilot_kit.conformance.wire_check import WireCheck
from copilot_kit.errors import CopilotError


def _loaded(names: list[str]) -> dict[str, WireCheck] | None:
    checks = {}
    for name in names:
        module, _, attribute = name.partition(":")
        checks[name] = getattr(import_module(module), attribute)
    return checks or None


def _tell(verdict: Verdict) -> None:
    if verdict.status == "failed":
        sys.stderr.write(f"failed {verdict.id}\n" + "".join(f"    {line}\n" for line in verdict.differences[:8]))


def _print(report: Report, *, as_json: bool) -> None:
    found = report.as_json()
    sys.stdout.write(json.dumps(found if as_json else found["summary"], ensure_ascii=False, indent=1) + "\n")


def main() -> int:
    """Return the exit code: 0, 1 if an exchange failed, 3 if the corpus is broken, 64 for wrong use."""
    parser = argparse.ArgumentParser(prog="python -m copilot_kit.conformance")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--with", dest="checks", action="append", default=[], metavar="MODULE:NAME")
    given = parser.parse_args()
    try:
        report = asyncio.run(check_corpus(given.directory, checks=_loaded(given.checks), told=_tell))
    except CopilotError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    _print(report, as_json=given.json)
    return report.exit_code


if __name__ == "__main__":
    sys.exit(main())
