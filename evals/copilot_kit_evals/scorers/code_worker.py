"""What runs inside of the sandbox: the code under test in one process, the tests in another, words between them.

The two speak lines of JSON. The process with the tests calls the function under test by sending plain values and gets
plain values back, so that nothing that the code under test does to its own interpreter (to `assert`, `==`, `exit`, the
modules) reaches the tests. Started by `sandboxing` with `python -I -S`; it imports nothing but the standard library.
"""

import builtins
import ctypes
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import IO, Any, Final

LONGEST_LINE: Final = 4 << 20
TOO_MANY: Final = 97
"""The exit code of a sandbox that had too many processes."""
_POLL_S: Final = 0.01
_CREATE, _ADD, _RESTRICT, _NO_NEW_PRIVILEGES = 444, 445, 446, 38
_EXECUTE, _WRITE, _READ, _READ_FOLDER, _TRUNCATE, _DEVICE = 1, 1 << 1, 1 << 2, 1 << 3, 1 << 14, 1 << 15
_RIGHTS: Final = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
_NET_ABI, _SCOPE_ABI = 4, 6
_READABLE: Final = ("/usr", "/lib", "/lib64", "/dev/urandom")


def landlock_abi() -> int:
    """Return which edition of Landlock the kernel has; 0 for none."""
    if not sys.platform.startswith("linux"):
        return 0
    return max(0, int(ctypes.CDLL(None).syscall(_CREATE, None, 0, 1)))


def confine(folder: str, abi: int) -> None:
    """Give up, for good, all files but the folder and what Python needs to read, and TCP where the kernel can."""
    libc = ctypes.CDLL(None, use_errno=True)
    rights = _RIGHTS[min(abi, max(_RIGHTS))]
    fields = [rights, 3 if abi >= _NET_ABI else 0, 3 if abi >= _SCOPE_ABI else 0]
    size = 8 if abi < _NET_ABI else 16 if abi < _SCOPE_ABI else 24
    rules = libc.syscall(_CREATE, (ctypes.c_uint64 * 3)(*fields), size, 0)
    readable = _EXECUTE | _READ | _READ_FOLDER
    allowed = {**dict.fromkeys((*_READABLE, sys.base_prefix), readable), "/dev/null": _READ | _WRITE, folder: rights}
    for path, may in allowed.items():
        _allow(libc, rules, path, may & rights)
    libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    if libc.syscall(_RESTRICT, rules, 0) != 0:
        raise OSError(ctypes.get_errno(), "Landlock refused")
    os.close(rules)


def _allow(libc: Any, rules: int, path: str, may: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    if not os.path.isdir(path):  # noqa: PTH112  pathlib is not needed here for anything else
        may &= _EXECUTE | _WRITE | _READ | _TRUNCATE | _DEVICE
    packed = may.to_bytes(8, sys.byteorder) + place.to_bytes(4, sys.byteorder)
    libc.syscall(_ADD, rules, 1, packed, 0)
    os.close(place)


def limit(bounds: Mapping[str, Any]) -> None:
    """Set what the process and its children may take."""
    import resource  # POSIX alone has it, and this module is read everywhere

    limits = {
        resource.RLIMIT_CPU: int(bounds["cpu_s"]),
        resource.RLIMIT_AS: bounds["memory_bytes"],
        resource.RLIMIT_FSIZE: bounds["file_bytes"],
        resource.RLIMIT_NOFILE: bounds["open_files"],
        resource.RLIMIT_CORE: 0,
    }
    if bounds["own_user"]:
        limits[resource.RLIMIT_NPROC] = bounds["processes"] + 2
    for kind, most in limits.items():
        resource.setrlimit(kind, (most, most))


def keep(processes: int) -> None:
    """Fork: the child goes on, the parent counts the processes of the sandbox and ends all when they are too many.

    The limit of the kernel for processes does not hold for root, so that somebody must count.
    """
    child = os.fork()
    if child == 0:
        os.nice(5)
        return
    status = 0
    while True:
        ended, status = _reap(child)
        if ended:
            os._exit(os.waitstatus_to_exitcode(status) & 255)
        if sum(name.isdigit() for name in os.listdir("/proc")) > processes + 2:  # noqa: PTH208
            os._exit(TOO_MANY)
        time.sleep(_POLL_S)


def _reap(child: int) -> tuple[bool, int]:
    while True:
        try:
            found, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return True, 0
        if found in (0, child):
            return found == child, status


def pack(value: Any) -> Any:
    """Return a plain value as JSON that keeps its type; raises `TypeError` for any other."""
    match value:
        case None | bool() | str():
            return value if value is None or isinstance(value, bool) else str(value)
        case int():
            return ["int", hex(value)]
        case float():
            return ["float", float.hex(value)]
        case complex():
            return ["complex", float.hex(value.real), float.hex(value.imag)]
        case bytes():
            return ["bytes", value.hex()]
        case dict():
            return ["dict", *([pack(key), pack(one)] for key, one in value.items())]
        case list() | tuple() | set() | frozenset():
            kind = next(one for one in (list, tuple, set, frozenset) if isinstance(value, one))
            return [kind.__name__, *map(pack, value)]
        case _:
            raise TypeError(f"{type(value).__name__} is no plain value")


def unpack(value: Any) -> Any:
    """Return the value that was packed; raises `ValueError` for what `pack` does not make."""
    match value:
        case None | bool() | str():
            return value
        case ["int", str(written)]:
            return int(written, 16)
        case ["float", str(written)]:
            return float.fromhex(written)
        case ["complex", str(real), str(imaginary)]:
            return complex(float.fromhex(real), float.fromhex(imaginary))
        case ["bytes", str(written)]:
            return bytes.fromhex(written)
        case ["dict", *pairs]:
            return {unpack(key): unpack(one) for key, one in pairs}
        case [("list" | "tuple" | "set" | "frozenset") as kind, *values]:
            return getattr(builtins, kind)(map(unpack, values))
        case _:
            raise ValueError("this is no packed value")


def serve(source: str, entry_point: str, incoming: IO[str], outgoing: IO[str]) -> None:
    """Run the code under test and answer calls of its function until nobody asks any more."""
    space: dict[str, Any] = {"__name__": "answer"}
    try:
        exec(compile(source, "answer.py", "exec"), space)  # noqa: S102  what the sandbox is for
        function = space[entry_point]
    except BaseException as error:  # noqa: BLE001  SystemExit too
        _send(outgoing, {"broken": _words(error)})
        return
    _send(outgoing, {"ready": True})
    while line := incoming.readline():
        try:
            packed = {"value": pack(function(*unpack(json.loads(line))))}
        except BaseException as error:  # noqa: BLE001
            packed = {"raised": type(error).__name__, "words": _words(error)}
        _send(outgoing, packed)


def check(job: Mapping[str, Any], incoming: IO[str], outgoing: IO[str]) -> dict[str, Any]:
    """Return what the tests say of the function at the other end."""
    space: dict[str, Any] = {"__name__": "tests"}
    try:
        exec(compile(job["prompt"], "prompt.py", "exec"), space)  # noqa: S102
        compiled = compile(job["test"], "test.py", "exec")
    except BaseException as error:  # noqa: BLE001
        return {"kind": "broken", "detail": f"the item's own code: {_words(error)}"}
    begun = _receive(incoming)
    if "ready" not in begun:
        return {"kind": "failed", "detail": str(begun.get("broken", "the code ended before it was called"))}
    calls = 0

    def asked(*values: Any) -> Any:
        nonlocal calls
        calls += 1
        _send(outgoing, pack(values))
        said = _receive(incoming)
        if "value" in said:
            return unpack(said["value"])
        raise _raised(str(said.get("raised")))(str(said.get("words", "the code ended in a call")))

    space[job["entry_point"]] = asked
    try:
        exec(compiled, space)  # noqa: S102
        if callable(run := space.get("check")):
            run(asked)
    except BaseException as error:  # noqa: BLE001
        return {"kind": "failed", "detail": _words(error), "calls": calls}
    if not calls:
        return {"kind": "broken", "detail": "the tests never call the function"}
    return {"kind": "passed", "detail": "", "calls": calls}


def _raised(name: str) -> Callable[[str], Exception]:
    found = getattr(builtins, name, None)
    if not (isinstance(found, type) and issubclass(found, Exception)) or issubclass(found, UnicodeError):
        return RuntimeError
    return found


def _words(error: BaseException) -> str:
    try:
        return f"{type(error).__name__}: {error}"[:300]
    except BaseException:  # noqa: BLE001
        return type(error).__name__


def _send(outgoing: IO[str], value: Any) -> None:
    outgoing.write(json.dumps(value) + "\n")
    outgoing.flush()


def _receive(incoming: IO[str]) -> dict[str, Any]:
    line = incoming.readline(LONGEST_LINE)
    try:
        value = json.loads(line)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def main() -> None:
    """Read the job from the descriptor that the first argument names, give up what it says, and do it."""
    with open(int(sys.argv[1]), encoding="utf-8") as file:  # noqa: PTH123
        job = json.load(file)
    os.chdir(job["folder"])
    if job["bounds"]["counted"]:
        keep(job["bounds"]["processes"])
    incoming, outgoing = (
        open(os.dup(number), mode, encoding="ascii", errors="backslashreplace")  # noqa: PTH123, SIM115
        for number, mode in ((0, "r"), (1, "w"))
    )
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, 0)
    os.dup2(2, 1)
    limit(job["bounds"])
    if job["bounds"]["landlock"]:
        confine(job["folder"], job["bounds"]["landlock"])
    if job["role"] == "answer":
        serve(job["source"], job["entry_point"], incoming, outgoing)
    else:
        verdict = check(job, incoming, outgoing)
        os.write(int(sys.argv[2]), json.dumps(verdict).encode())


if __name__ == "__main__":
    main()
