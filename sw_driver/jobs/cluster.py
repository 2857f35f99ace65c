"""Clusters of Dask: workers of this machine that end with this process, or those elsewhere."""

import contextlib
import importlib
import logging
import os
import signal
import socket
import time
import warnings
from collections.abc import Callable, Generator
from multiprocessing import resource_tracker
from typing import Any

from golden.system.extras import needs
from golden.system.stopping import cleared
from sw_driver.errors import DriverError
from sw_driver.jobs.versions import PACKAGES, check_workers
from sw_driver.system.scratch import temporary_folder

__all__ = ["Cluster", "local_cluster", "running_cluster"]

Note = Callable[[str], object]
_LOCAL = "127.0.0.1"
_ANSWER_S = 10
_LOOK_S = 2.0
# What watches the workers of this machine costs them time, and is looked at by nobody.
_SETTINGS = {
    "distributed.worker.profile.enabled": False,
    "distributed.admin.system-monitor.gil.enabled": False,
    "distributed.scheduler.active-memory-manager.start": False,
}


class Cluster:
    """A client of Dask, and how many workers there are; most of Dask's values have no types."""

    def __init__(self, client: Any, mend: Callable[[], object] = lambda: None) -> None:
        self.client, self._mend = client, mend
        self._known: set[str] = set()
        self._looked_s = float("-inf")

    def workers(self) -> int:
        """Return how many workers there are, and at least 1; looks again every few seconds.

        Raises
        ------
        DriverError
            A worker that is new has other versions than this process, or several threads.
        """
        if time.monotonic() - self._looked_s > _LOOK_S:
            self.look()
        return max(len(self._known), 1)

    def look(self) -> int:
        """As `workers`, now; 0 if there are none."""
        self._mend()
        threads: dict[str, int] = self.client.nthreads()
        if new := threads.keys() - self._known:
            for address in sorted(new):
                if threads[address] != 1:
                    raise DriverError(
                        "scheduler must have workers of one thread (dask worker --nthreads 1), but "
                        f"the one at {address} has {threads[address]}"
                    )
            versions: dict[str, Any] = self.client.get_versions(packages=list(PACKAGES))["workers"]
            check_workers({address: versions[address] for address in new if address in versions})
        self._known = set(threads)
        self._looked_s = time.monotonic()
        return len(threads)


@contextlib.contextmanager
def local_cluster(workers: int, note: Note) -> Generator[Cluster]:
    """Give workers of this machine, of one thread each; they end with this process in any case.

    They and their scheduler listen at 127.0.0.1 only, and by TLS with a certificate of their own,
    so that no other user of the machine can send them work.

    Raises
    ------
    ExtraMissing
        Dask is not installed.
    StorageError
        There is no room for temporary files.
    """
    with needs("experiments"):
        import dask.config

        distributed: Any = importlib.import_module("distributed")
        importlib.import_module("cryptography")
    _silence()
    with contextlib.ExitStack() as stack:
        folder = str(stack.enter_context(temporary_folder()))
        stack.enter_context(_same_environment())
        stack.enter_context(dask.config.set({**_SETTINGS, "temporary-directory": folder}))
        # An interrupt is this process's: threads and processes that begin here never hear of it.
        _start_tracker()  # Here, since it sets the signals that are blocked.
        former = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            cluster = distributed.LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                host=_LOCAL,
                dashboard_address=f"{_LOCAL}:0",
                local_directory=folder,
                env={"TMPDIR": folder},  # What a worker that is ended leaves goes with the rest.
                memory_limit=0,  # Rows are small: nothing is to be spilled to a disk.
                silence_logs=logging.CRITICAL + 1,
                scheduler_kwargs={"allowed_failures": 0},
                security=distributed.Security.temporary(),
            )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, former)
        with cluster, distributed.Client(cluster) as client, cleared(lambda: _kill(cluster)):
            _say_dashboard(client, note)

            def mend() -> None:
                # Dask starts no other worker for one that ends while it starts.
                if len(cluster.workers) < workers:
                    cluster.scale(workers)

            yield Cluster(client, mend)


@contextlib.contextmanager
def running_cluster(address: str, note: Note) -> Generator[Cluster]:
    """Give the workers of a scheduler that runs already.

    Parameters
    ----------
    address
        Of the scheduler: tcp://HOST:PORT.
    note
        Hears where the dashboard is, and that there is no worker yet.

    Raises
    ------
    ExtraMissing
        Dask is not installed.
    DriverError
        There is no such scheduler, or its workers are not like this process.
    """
    with needs("experiments"):
        distributed: Any = importlib.import_module("distributed")
    _silence()
    with contextlib.ExitStack() as stack:
        try:
            _reach(address)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Of versions: `Cluster.look` refuses them.
                client = distributed.Client(address, timeout=_ANSWER_S)
                stack.enter_context(client)
        # A machine that is too busy to start Dask's thread in 10 s is a bare AssertionError.
        except (OSError, ValueError, TypeError, AssertionError) as error:
            reason = str(error).partition("\n")[0] or "Dask could not start its thread in time"
            raise DriverError(
                f"scheduler must be the address of a scheduler of Dask that runs, such as "
                f"tcp://host:8786, but {address!r} does not answer: {reason}"
            ) from error
        _say_dashboard(client, note)
        cluster = Cluster(client)
        if not cluster.look():
            note(f"the scheduler at {address} has no worker yet: waiting for one")
            while not cluster.look():
                time.sleep(_LOOK_S)
        yield cluster


def _reach(address: str) -> None:
    """Raise an OSError or a ValueError if nothing listens there, before Dask starts a thread."""
    comm: Any = importlib.import_module("distributed.comm")
    registry: Any = importlib.import_module("distributed.comm.registry")
    scheme, location = comm.parse_address(address)
    registry.get_backend(scheme)  # A ValueError names those that there are.
    if scheme in {"tcp", "tls"}:
        addressing: Any = importlib.import_module("distributed.comm.addressing")
        socket.create_connection(addressing.parse_host_port(location), _ANSWER_S).close()


def _say_dashboard(client: Any, note: Note) -> None:
    with contextlib.suppress(ImportError):  # Dask needs it for that page.
        import bokeh  # noqa: F401  # pyright: ignore[reportMissingImports, reportUnusedImport]

        note(f"what the workers do: {client.dashboard_link}")


def _kill(cluster: Any) -> None:
    """End the workers, whatever they do; Dask would wait for the end of their jobs."""
    nannies: list[Any] = list(cluster.workers.values())
    for nanny in nannies:
        nanny.close_gracefully()  # It starts no other worker when this one is gone.
    for nanny in nannies:
        with contextlib.suppress(ProcessLookupError):
            if nanny.pid:
                os.kill(nanny.pid, signal.SIGKILL)


def _start_tracker() -> None:
    """Start Python's process that removes what queues leave behind, and have it say no word."""
    former = os.environ.get("PYTHONWARNINGS")
    os.environ["PYTHONWARNINGS"] = "ignore"
    try:
        resource_tracker.ensure_running()
    finally:
        if former is None:
            del os.environ["PYTHONWARNINGS"]
        else:
            os.environ["PYTHONWARNINGS"] = former


@contextlib.contextmanager
def _same_environment() -> Generator[None]:
    """Take back what Dask sets in the environment of this process for its workers."""
    former = dict(os.environ)
    try:
        yield
    finally:
        for name in os.environ.keys() - former.keys():
            del os.environ[name]
        os.environ.update(former)


def _silence() -> None:
    """Have Dask say nothing of its own: a lost worker is what `Sweep` deals with."""
    for name in ("distributed", "tornado"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
