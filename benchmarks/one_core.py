"""Import this first: one core and one thread for everybody, and the BLAS kernel that the command `aevb` would choose.

AEVB_KERNEL=default in the environment leaves the kernel to OpenBLAS.
"""

import os
import time

THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")
os.environ.update(dict.fromkeys(THREADS, "1"))
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0, 1]  # those there were


def stay_on(core: int) -> None:
    """Let this process run on one core only, where the system has a way to say so."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})


stay_on(CORES[-1])

from aevb_np.cli import blas_kernel  # noqa: E402

blas_kernel.choose()

from aevb_np.runs.config import versions  # noqa: E402


def told(*more: str) -> str:
    """What every measurement is a matter of: processor, BLAS kernel, versions."""
    from aevb_np.experiments.curve import processor  # late: it brings much that no measurement needs

    known = versions(1)
    return ", ".join([processor(), f"BLAS kernel {known['kernel']}", f"NumPy {known['numpy']}", *more])


def timed(work) -> float:
    """Seconds that one call takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
