"""One process at a time: a lock on an open file, as POSIX systems have it. It is gone with the process, or the file."""

from copilot_kit.errors import UsageError


def lock(fd: int, what: str, *, waits: bool = True) -> None:
    """Keep all other processes out until the file is closed.

    what: what is guarded, for the error. waits: else raises `OSError` if another process has the lock.
    Raises `UsageError` on systems without such locks.
    """
    try:
        import fcntl
    except ImportError as error:
        raise UsageError(
            f"{what} cannot be written here: it is guarded by a lock of POSIX systems (fcntl), which Windows does not "
            "have. Run it in WSL: https://learn.microsoft.com/windows/wsl"
        ) from error
    fcntl.flock(fd, fcntl.LOCK_EX if waits else fcntl.LOCK_EX | fcntl.LOCK_NB)
