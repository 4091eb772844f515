"""Run with: python -m benchmarks.approvals [--folder DIR] [--store URL] [--pending 10000] [--steps 1000].

The journal is filled by one process and measured by another one that has just started. Decisions are measured beside a
loop that commits as much to bare SQLite on the same disk, in turn, since what a sync costs is the disk's affair.
"""

import argparse
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path

PARTS = ("fill", "queue", "steps", "resume")


def main() -> int:
    """Return 0 if every target is met."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[2])
    parser.add_argument("--folder", type=Path, help="on the disk to measure; default: the current folder")
    parser.add_argument("--store", help="URL of a journal; by default SQLite in a new file in that folder")
    parser.add_argument("--pending", type=int, default=10_000)
    parser.add_argument("--steps", type=int, default=1_000)
    given = parser.parse_args()
    missed = 0
    with tempfile.TemporaryDirectory(dir=given.folder or Path.cwd()) as folder:
        url = given.store or str(Path(folder, "journal.db"))
        tenant = f"approvals-{uuid.uuid4().hex[:12]}"
        for part in PARTS:
            size = given.pending if part in {"fill", "queue"} else given.steps
            command = [sys.executable, "-m", "benchmarks.approvals.parts", part, url, tenant, str(size), folder]
            missed += subprocess.run(command, check=False).returncode != 0
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
