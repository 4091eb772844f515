"""What every test may ask for."""

import os
import signal
from pathlib import Path

import pytest

# A shell starts what runs in its background with Ctrl-C ignored; tests of Ctrl-C, and the programs they start, need it.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def anyio_backend() -> str:
    """Async tests run on asyncio, as the library does."""
    return "asyncio"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with recorded traffic and design facts, where it is there."""
    folder = Path(os.environ.get("COPILOT_KIT_SHARED") or Path(__file__).parents[2] / "shared")
    if not (folder / "wire" / "index.json").is_file():
        pytest.skip(f"needs recorded traffic: no wire/index.json in {folder}; set COPILOT_KIT_SHARED to its folder")
    return folder
