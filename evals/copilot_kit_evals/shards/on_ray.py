"""The shards of a run on a Ray cluster: `copilot-kit eval run SUITE --on ray`.

The cluster is the one that RAY_ADDRESS names; without it, one is begun on this machine for the time of the run. What
workers need: the run's folder, the suite and its files under the same paths (a shared file system), this package, and
the providers' keys in their environment.

Without Ray the same shards are run by hand: `--shard 1/4` on each machine, then `copilot-kit eval merge`.
"""

import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from copilot_kit.errors import MissingExtra
from copilot_kit_evals.shards.fleet import Died, Errand, Report, carried_out

_ADDRESS: Final = "RAY_ADDRESS"
_HERE: Final = "local"
_GRACE_S: Final = 10.0


def installed() -> Any:
    """Return Ray; raises `MissingExtra` where it is not installed."""
    try:
        return importlib.import_module("ray")
    except ModuleNotFoundError as error:
        raise MissingExtra("A run on a Ray cluster", "ray") from error


@contextmanager
def cluster() -> Iterator["RayWorkers"]:
    """Join the cluster, or begin one here that ends with the block."""
    ray = installed()
    address = os.environ.get(_ADDRESS, _HERE)
    if address == _HERE:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        ray.init(address=_HERE, include_dashboard=False, _node_ip_address="127.0.0.1", log_to_driver=False,
                 logging_level="error")  # fmt: skip
    else:
        ray.init(address=address, log_to_driver=False, logging_level="error")
    try:
        yield RayWorkers(ray)
    finally:
        ray.shutdown()


class RayWorkers:
    """Carries out errands as tasks of Ray, each on one CPU and in a process of its own."""

    def __init__(self, ray: Any) -> None:
        self._ray = ray
        self._task = ray.remote(num_cpus=1, max_retries=0, max_calls=1)(carried_out)
        self._out: dict[Any, Errand] = {}

    @property
    def size(self) -> int:
        """How many errands are carried out at once."""
        return max(1, int(self._ray.cluster_resources().get("CPU", 1)))

    def send(self, errand: Errand) -> None:
        """Have it carried out when a CPU is free."""
        self._out[self._task.remote(errand)] = errand

    def wait(self, seconds: float) -> list[tuple[Errand, Report | Died]]:
        """Return what has ended."""
        ended, _ = self._ray.wait(list(self._out), timeout=seconds) if self._out else ([], [])
        return [(self._out.pop(ref), self._ended(ref)) for ref in ended]

    def _ended(self, ref: Any) -> Report | Died:
        try:
            report: Report = self._ray.get(ref)
        except self._ray.exceptions.RayTaskError as error:
            return Report("failed", f"its worker failed: {error.cause!r}", 1)
        except self._ray.exceptions.RayError as error:
            return Died(f"{type(error).__name__}: {str(error).splitlines()[0]}")
        return report

    def stop(self) -> None:
        """Interrupt what is out, so that it says in its log what it was at; what does not end is killed."""
        for force, grace_s in ((False, _GRACE_S), (True, 1.0)):
            if not self._out:
                return
            for ref in self._out:
                self._ray.cancel(ref, force=force)
            refs = list(self._out)
            ended, _ = self._ray.wait(refs, num_returns=len(refs), timeout=grace_s)
            for ref in ended:
                del self._out[ref]
        self._out.clear()
