"""`verdict.json` in the folder of a run: derived from the log and the rule, the same bytes each time."""

import json
import os
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from copilot_kit_evals.folder import BadRun
from copilot_kit_evals.verdict.verdicts import Verdict

VERDICT: Final = "verdict.json"


def content(verdict: Verdict) -> bytes:
    """Return the verdict as it is kept, and as `snap --json` prints it."""
    told = json.dumps(verdict.model_dump(mode="json"), ensure_ascii=False, indent=1, allow_nan=False)
    return told.encode("utf-8", "backslashreplace") + b"\n"


def keep(verdict: Verdict, folder: str | Path) -> Path:
    """Write the verdict into the folder of its run, in the place of an earlier one; return the file."""
    path = Path(folder) / VERDICT
    fresh = path.with_name(f"{VERDICT}.{os.getpid()}")
    fresh.write_bytes(content(verdict))
    fresh.replace(path)
    return path


def kept(folder: str | Path) -> Verdict | None:
    """Return the verdict of a run; None where none has been found yet."""
    path = Path(folder) / VERDICT
    try:
        return Verdict.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise BadRun(
            f"{str(path)!r} is no verdict that this version reads ({error.errors()[0]['msg']}). "
            "Delete it; snap derives it anew."
        ) from error
