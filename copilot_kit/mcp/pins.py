"""What a server's tools were when they were last accepted, kept in a small file, and what has changed since."""

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from copilot_kit.errors import UsageError

_FILE = TypeAdapter(dict[str, dict[str, str]])


@dataclass(frozen=True, slots=True)
class Change:
    """A tool that is not what it was when its server was last accepted."""

    tool: str
    kind: Literal["new", "changed", "gone"]


def read_pins(path: Path, server: str) -> dict[str, str] | None:
    """Return the digests of the server's tools by name, or None where the server has never been accepted."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"The pins in {str(path)!r} cannot be read: {error}. Correct the path.") from error
    try:
        return _FILE.validate_json(text, strict=True).get(server)
    except ValidationError as error:
        raise UsageError(
            f"{str(path)!r} is no file of pins: {error.errors()[0]['msg']}. Look at it, then restore or remove it."
        ) from error


def write_pins(path: Path, server: str, digests: Mapping[str, str]) -> None:
    """Record the server's tools as accepted, beside those of other servers; the file is replaced as a whole."""
    read_pins(path, server)  # a file that is not ours is left alone
    pins = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    pins[server] = dict(digests)
    handle, made = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".new")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(pins, file, indent=1, sort_keys=True)
            file.flush()
            os.fsync(file.fileno())
        Path(made).replace(path)
    except BaseException:
        Path(made).unlink(missing_ok=True)
        raise


def changes_since(pinned: Mapping[str, str] | None, digests: Mapping[str, str]) -> tuple[Change, ...]:
    """Return what is not as it was, by name; of a server that was never accepted, nothing is."""
    if pinned is None:
        return ()
    changes = [
        Change(name, "gone" if name not in digests else "new" if name not in pinned else "changed")
        for name in sorted({*pinned, *digests})
        if pinned.get(name) != digests.get(name)
    ]
    return tuple(changes)
