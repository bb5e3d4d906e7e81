"""How long is a step of Algorithm 1: ours, NumPy's limit, PyTorch's, JAX's, the large products alone? Run by hand:

    python benchmarks/step.py                         every setting, about a quarter of an hour
    python benchmarks/step.py "M = 100" "H = 1000"    only these
    AEVB_KERNEL=default python benchmarks/step.py     with the BLAS kernel that OpenBLAS chooses by itself

float32, Adagrad, the prior on all parameters, minibatches gathered from 10,000 images of uint8, the bound of every step
reported; one core, one thread. All start from the same parameters and take an epoch in turn, and every quotient is of
two epochs of the same turn: what disturbs the machine disturbs both. PyTorch and JAX are left out where they are not
installed (`pip install -e ".[bench]"`). Every setting together are written to step-KERNEL.csv beside this file.
"""

import one_core  # isort: skip

import csv
import datetime
import importlib
import platform
import sys
from pathlib import Path

import numpy as np
import ours
from settings import SETTINGS

from aevb_np.runs.config import versions

TURNS, WARMUP = 10, 2


def main(names):
    peers = [peer for name in ("limit", "peer_torch", "peer_jax") if (peer := found(name))]
    about = [f"Python {platform.python_version()}", *(peer.VERSION for peer in peers), str(datetime.date.today())]
    told = one_core.told(*about)
    print(told, flush=True)
    rows = []
    for setting in SETTINGS:
        if not names or setting.name in names:
            rows += compare(setting, [ours, *peers])
    if not names:
        write(rows, told)


def write(rows, told):
    """The table of all settings, for `plot.py`; a few of them replace no whole one."""
    path = Path(__file__).with_name(f"step-{versions(1)['kernel']}.csv")
    with path.open("w", newline="", encoding="utf-8") as file:
        file.write(f"# {told}\n")
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def found(name):
    try:
        return importlib.import_module(name)
    except ImportError as error:
        print(f"left out: {name} ({error})")
        return None


def compare(setting, sides):
    """All sides take epochs in turn; prints and returns a row for each."""
    learners = {name: learn for side in sides for name, learn in side.contestants(setting).items()}
    bounds = dict.fromkeys(learners, np.nan)
    times = {name: [] for name in learners}
    for _ in range(TURNS):
        for name, learn in learners.items():
            times[name].append(one_core.timed(lambda name=name, learn=learn: bounds.update({name: learn()})))
    ms = {name: 1000 * np.array(seconds[WARMUP:]) / setting.steps for name, seconds in times.items()}
    print(f"\n{setting.name}: {setting.D}-{setting.H}-{setting.J}, M = {setting.M}, L = {setting.L}")
    return [row(setting, name, ms, bounds[name]) for name in learners]


def row(setting, name, ms, bound):
    low, median, high = np.quantile(ms[name], [0.05, 0.5, 0.95])
    quotient = np.quantile(ms["aevb_np"] / ms[name], [0.05, 0.5, 0.95])
    print(
        f"{name:15} {median:7.2f} ms ({low:.2f} to {high:.2f})   "
        f"ours / this {quotient[1]:.2f} ({quotient[0]:.2f} to {quotient[2]:.2f})   bound {bound:.1f}",
        flush=True,
    )
    return {
        "setting": setting.name,
        "side": name,
        "ms": round(median, 3),
        "ms_low": round(low, 3),
        "ms_high": round(high, 3),
        "ours_over_this": round(quotient[1], 3),
        "low": round(quotient[0], 3),
        "high": round(quotient[2], 3),
        "bound": round(bound, 1),
    }


if __name__ == "__main__":
    main(sys.argv[1:])
