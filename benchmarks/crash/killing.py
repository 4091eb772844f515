"""Processes forked from a warm parent, and killed with kill -9 after a random while."""

import gc
import importlib
import os
import random
import signal
import sys
import time
import traceback
from dataclasses import dataclass, field

from benchmarks.crash.lives import Life, Scene, decide_all, live, work

LIVES: tuple[Life, ...] = (work, work, decide_all)
"""What is alive at any time: two processes that work on the same runs, one that decides."""
LONGEST_S = 0.35


@dataclass(slots=True)
class Toll:
    """How the loop went."""

    kills: int = 0
    by_themselves: int = 0
    """Processes that were done before they were killed."""
    failed: int = 0
    """Processes that ended with an error of their own."""
    took_s: float = 0.0
    by_life: dict[str, int] = field(default_factory=dict)


def warm_up(scene: Scene) -> None:
    """Import, in this process, what one whole life imports, so that its children need not."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        code = live(work, scene, 0)
        os.write(writing, "\n".join(sys.modules).encode())
        os._exit(code)
    os.close(writing)
    with os.fdopen(reading) as names:
        wanted = names.read().split("\n")
    os.waitpid(child, 0)
    for name in wanted:
        if name.startswith(("copilot_kit", "sqlalchemy", "psycopg", "asyncpg", "pg8000")) and name not in sys.modules:
            importlib.import_module(name)
    gc.freeze()


def kill_many(scene: Scene, *, kills: int, runs: int, seed: int) -> Toll:
    """Let the lives go on until so many of them were killed, then let the last ones live to their end."""
    chance, toll, begun = random.Random(seed), Toll(), time.monotonic()
    alive: dict[int, tuple[Life, float]] = {}
    while toll.kills < kills:
        for life in LIVES:
            if sum(one is life for one, _ in alive.values()) < LIVES.count(life):
                alive[_born(life, scene, runs, chance)] = life, time.monotonic() + chance.random() * LONGEST_S
        child = min(alive, key=lambda one: alive[one][1])
        life, until = alive.pop(child)
        time.sleep(max(0.0, until - time.monotonic()))
        os.kill(child, signal.SIGKILL)
        _count(toll, life, os.waitpid(child, 0)[1])
        if toll.failed or (life is work and toll.by_themselves):
            break
    for child in alive:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    last = [_born(life, scene, runs, chance) for life in LIVES]
    for child in last:
        toll.failed += os.waitpid(child, 0)[1] != 0
    toll.took_s = time.monotonic() - begun
    return toll


def _count(toll: Toll, life: Life, status: int) -> None:
    if os.WIFSIGNALED(status):
        toll.kills += 1
        toll.by_life[life.__name__] = toll.by_life.get(life.__name__, 0) + 1
    elif os.WEXITSTATUS(status) == 0:
        toll.by_themselves += 1
    else:
        toll.failed += 1


def _born(life: Life, scene: Scene, runs: int, chance: random.Random) -> int:
    seed = chance.random()
    child = os.fork()
    if child:
        return child
    code = 70
    try:
        random.seed(seed)
        code = live(life, scene, runs)
    except BaseException:  # noqa: BLE001  the child ends here, whatever it was
        scene.note("errors", error=traceback.format_exc())
    finally:
        os._exit(code)
