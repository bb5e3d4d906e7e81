"""Many curves at once, on the cores of this machine or on a Dask cluster, in a way that survives being killed.

A curve is a job for an executor in the style of `concurrent.futures`. Nothing that a job returns depends on where or in
which order it ran; a job that fails is told and the others go on; what was stopped goes on from its checkpoints.
"""

import contextlib
import multiprocessing
import os
import signal
import threading
import time
import uuid
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from aevb_np.experiments.curve import Curve, Result, read_state, train
from aevb_np.experiments.plan import weight

EVERY = 1.0  # seconds between looks at the curves under way
ATTEMPTS = 3  # how often a curve may be under way when a process dies without a word


# -- where jobs run ---------------------------------------------------------------------------------------------------


def executor(jobs: int, dask: str | None = None) -> AbstractContextManager[Executor]:
    """Where curves are trained: `jobs` processes here, this process for one job, or a Dask cluster's workers.

    Parameters
    ----------
    jobs : int
        From 1 up.
    dask : str, optional
        The address of a Dask scheduler, such as tcp://10.0.0.1:8786.

    Raises
    ------
    ValueError
        If there are no jobs, or `distributed` is not installed.
    OSError
        If no scheduler answers.
    """
    if dask is not None:
        return _dask(dask)
    if jobs < 1:
        raise ValueError(f"jobs, the curves trained side by side, is 1 or more; got {jobs}")
    if jobs == 1:
        return ThreadPoolExecutor(1)  # beside the thread that tells how far it is
    context = multiprocessing.get_context("spawn")  # the same on every system, and safe with threads of a BLAS
    return ProcessPoolExecutor(jobs, context, initializer=_in_a_worker)


@contextmanager
def _dask(address: str) -> Iterator[Executor]:
    try:
        from distributed import Client
    except ImportError:
        raise ValueError('a Dask cluster needs another package: python -m pip install "aevb_np[cluster]"') from None
    with Client(address, timeout="10s") as client:
        yield client.get_executor()


def _in_a_worker() -> None:
    """Leave Ctrl-C to the parent, which asks the workers to save; and end when the parent does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_the_parent, daemon=True).start()


def _end_with_the_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)  # at once: every file is whole at any time


def job(curve: Curve, work: str, stop: str) -> Result:
    """What a worker does: train one curve, with one BLAS thread, until it is done or the file `stop` is there."""
    threadpool_limits(1, "blas")  # not undone: threads of one Dask worker would undo it for each other
    return train(curve, Path(work), Path(stop).exists)


# -- the sweep --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ended:
    """A curve that is through: its result, or why there is none."""

    curve: Curve
    result: Result | None
    error: str = ""


@dataclass(frozen=True)
class Underway:
    """How far the sweep is.

    Attributes
    ----------
    states : dict
        Of each curve under way, by its name, what its now.json says: samples, of, bound, ...
    ended, of : int
        Curves that are through, and curves in all.
    share : float
        Of the work of this sweep, from 0 to 1.
    left : float
        Seconds, if it goes on at this pace; NaN as long as nobody knows.
    """

    states: dict[str, dict[str, Any]]
    ended: int
    of: int
    share: float
    left: float


@dataclass
class _Account:
    """What there was to do at the beginning, and what is done."""

    curves: Sequence[Curve]
    work: Path
    began: float = field(default_factory=time.monotonic)
    ended: set[str] = field(default_factory=set)

    def __post_init__(self):
        self.first = {curve.name: read_state(self.work / curve.name) for curve in self.curves}

    def todo(self, curve: Curve, state: dict[str, Any]) -> float:
        share = min(1.0, state.get("samples", 0) / curve.samples)
        return weight(curve) * (1 - share)

    def underway(self) -> Underway:
        """Read where every curve is that has not ended."""
        pending = [curve for curve in self.curves if curve.name not in self.ended]
        now = {curve.name: read_state(self.work / curve.name) for curve in pending}
        total = sum(self.todo(curve, self.first[curve.name]) for curve in self.curves) or 1.0
        rest = sum(self.todo(curve, now[curve.name]) for curve in pending)
        done = total - rest
        elapsed = time.monotonic() - self.began
        left = rest / done * elapsed if done > 0.005 * total else float("nan")
        states = {name: state for name, state in now.items() if state and state != self.first[name]}
        return Underway(states, len(self.ended), len(self.curves), done / total, left)


def sweep(
    curves: Sequence[Curve],
    work: Path,
    open_executor: Callable[[], AbstractContextManager[Executor]],
    every: float = EVERY,
) -> Generator[Ended | Underway, None, None]:
    """Train all curves; yields each as it ends, and now and then how far they are.

    Closing the iterator, or an interrupt, asks the curves under way to save and stop, and waits until they have.

    Parameters
    ----------
    curves : sequence of Curve
        Each with a name of its own.
    work : path
        Where their folders are, or will be.
    open_executor : function
        Such as ``lambda: executor(jobs=2)``.
    every : float
        Seconds between two `Underway`.
    """
    names = [curve.name for curve in curves]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"two different curves are called {twice[0]}; give one of them a variant")
    work.mkdir(parents=True, exist_ok=True)
    (work / ".gitignore").write_text("*\n", encoding="utf-8")  # checkpoints are large and can be made again
    account = _Account(curves, work)
    waiting = sorted(curves, key=weight, reverse=True)  # a long one begun last would leave the others idle
    for attempt in range(1, ATTEMPTS + 1):
        broken = []
        with closing(_round(waiting, account, open_executor, every)) as events:
            for event in events:
                if isinstance(event, Ended) and event.error == _BROKEN and attempt < ATTEMPTS:
                    broken.append(event.curve)  # a dead process takes its executor with it: tried again in a new one
                    continue
                if isinstance(event, Ended):
                    account.ended.add(event.curve.name)
                yield event
        waiting = broken
        if not waiting:
            return


_BROKEN = "its process ended without a word: killed, or out of memory? Fewer jobs side by side take less"


def _round(
    curves: Sequence[Curve],
    account: _Account,
    open_executor: Callable[[], AbstractContextManager[Executor]],
    every: float,
) -> Generator[Ended | Underway, None, None]:
    """One executor's life."""
    stop = account.work.resolve() / f"stop-{uuid.uuid4().hex}"
    with open_executor() as pool:
        jobs = {pool.submit(job, curve, str(stop.parent), str(stop)): curve for curve in curves}
        pending = set(jobs)
        try:
            while pending:
                done, pending = wait(pending, timeout=every, return_when=FIRST_COMPLETED)
                for future in sorted(done, key=lambda future: jobs[future].name):
                    yield _ended(jobs[future], future)
                if pending:
                    yield account.underway()
        finally:
            if pending:
                stop.touch()
                for future in pending:
                    future.cancel()
                with contextlib.suppress(KeyboardInterrupt):
                    wait(pending)
                stop.unlink(missing_ok=True)


def _ended(curve: Curve, future: Future) -> Ended:
    try:
        return Ended(curve, future.result())
    except BrokenExecutor:
        return Ended(curve, None, _BROKEN)
    except CancelledError:
        return Ended(curve, None, "cancelled by the cluster")
    except Exception as error:  # whatever it was, the other curves go on
        return Ended(curve, None, " ".join(f"{type(error).__name__}: {error}".split()))
