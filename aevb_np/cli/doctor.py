"""Say what this machine computes with: BLAS, kernel, threads, products per second; and the line that makes it faster.

Each kernel that the processor can use is timed in a process of its own, on the largest product of a training step.
"""

import argparse
import os
import platform
import subprocess
import sys

# minibatch times weights, 100 x 784 x 500 in float32; the fastest of many, for a busy machine only ever adds time
TIMED = """
import time, numpy as np, threadpoolctl
x, W = np.ones((100, 784), np.float32), np.ones((784, 500), np.float32)
out = x @ W
with threadpoolctl.threadpool_limits(1, "blas"):
    best = float("inf")
    end = time.perf_counter() + 0.5
    while time.perf_counter() < end:
        began = time.perf_counter()
        np.matmul(x, W, out=out)
        best = min(best, time.perf_counter() - began)
blas = [library for library in threadpoolctl.threadpool_info() if library["user_api"] == "blas"]
print(2 * 100 * 784 * 500 / best / 1e9, blas[0].get("architecture", "unknown") if blas else "unknown")
"""


def add(parser: argparse.ArgumentParser) -> None:
    """No flags."""


def run(args: argparse.Namespace) -> int:
    """Look, time, print."""
    from aevb_np.cli import blas_kernel
    from aevb_np.runs.config import versions

    vendor, abilities = blas_kernel.processor()
    found = versions(threads=1)
    print(f"aevb_np {found['aevb_np']}, Python {found['python']}, NumPy {found['numpy']}, {platform.platform()}")
    print(f"processor {vendor or platform.processor() or 'unknown'}, {os.cpu_count()} cores as the system counts them")
    print(f"BLAS {found['blas']}, kernel {found['kernel']}, one thread for a run unless --threads says otherwise")
    if sys.platform == "darwin":
        print("note: Apple's Accelerate is not seen here; VECLIB_MAXIMUM_THREADS=1 before the start holds its threads")
    own, default = timed({blas_kernel.CORETYPE: None})
    print(f"products 100 x 784 x 500 in float32, as OpenBLAS or another BLAS chooses: {default}, {own:.0f} GFLOP/s")
    speeds = {default: own}
    if found["blas"].startswith("openblas"):
        for name in (name for name, needs in blas_kernel.NEEDS.items() if needs <= abilities and name != default):
            speeds[name], _ = timed({blas_kernel.CORETYPE: name})
            print(f"  with {blas_kernel.CORETYPE}={name}: {speeds[name]:.0f} GFLOP/s")
    best = max(speeds, key=lambda name: speeds[name])
    if speeds[best] > 1.1 * own:
        print(f"`aevb` chooses {found['kernel']} by itself; for Python of your own set, before NumPy is imported:")
        print(f"  {'set' if os.name == 'nt' else 'export'} {blas_kernel.CORETYPE}={best}")
    else:
        print("there is nothing to gain by another kernel")
    return 0


def timed(changes: dict[str, str | None]) -> tuple[float, str]:
    """GFLOP/s and the kernel of a process with these changes to its environment; None takes a variable out."""
    environment = {**os.environ, **{name: value for name, value in changes.items() if value is not None}}
    for name, value in changes.items():
        if value is None:
            environment.pop(name, None)
    command = [sys.executable, "-c", TIMED]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60)
    speed, name = done.stdout.split()
    return float(speed), name
