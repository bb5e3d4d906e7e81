"""A sweep small enough to be killed often: four curves on the test data, and a table of them.

python tests/small_sweep.py DATA.npy OUT JOBS [DASK]       runs it, or goes on with it
python tests/small_sweep.py --kill 10 SECONDS              kills it ten times, and compares the end with a whole one
"""

import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from aevb_np.experiments import curve as curves_module
from aevb_np.experiments import figures
from aevb_np.experiments.curve import Curve
from aevb_np.experiments.recipe import Made
from aevb_np.experiments.sweep import Ended, executor, sweep

SETTINGS = (("hidden", 8), ("minibatch", 20), ("step", 0.1))


def small_curves(data, samples=40_000):
    """Every kind of state that a run can have: plain, two networks, chains; with log p(x) on the way."""
    plain = {"latent": 2, "samples": samples, "settings": SETTINGS}
    marked = {"marginals": (samples,), "points": 2}
    return [
        Curve(str(data), "aevb", **plain, **marked),
        Curve(str(data), "aevb", seed=1, **plain),
        Curve(str(data), "wake-sleep", **plain),
        Curve(str(data), "mcem", n_train=60, **plain, marginals=(10_000,), points=2),
    ]


def run(data, out, jobs, dask=None, samples=40_000):
    """The sweep and its table; the events."""
    recipe = SimpleNamespace(NAME="small", make=lambda *what: Made())
    figure = figures.Figure(recipe, small_curves(data, samples), Path(out), False, "")
    events = list(sweep(figure.curves, figure.work, lambda: executor(jobs, dask), every=0.1))
    figures.finish(figure, [event.result for event in events if isinstance(event, Ended)])
    return events


def killed(data, out, jobs, kills, longest, rng):
    """The same, killed so many times after random waits; how often it was killed while it worked."""
    hits = 0
    for _ in range(kills):
        process = subprocess.Popen(
            [sys.executable, __file__, str(data), str(out), str(jobs)], stderr=subprocess.DEVNULL
        )
        time.sleep(rng.uniform(0, longest))
        hits += process.poll() is None
        process.kill()
        process.wait()
    subprocess.run([sys.executable, __file__, str(data), str(out), str(jobs)], check=True)
    return hits


def main(argv):
    """As the first lines say."""
    curves_module.SAVE_EVERY = 0.05  # seconds: so that most of them have something to lose
    if argv[0] != "--kill":
        run(argv[0], argv[1], int(argv[2]), *argv[3:])
        return
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "noise.npy"
        np.save(data, np.random.default_rng(0).integers(0, 255, (250, 6, 7)).astype(np.uint8))
        run(data, Path(folder) / "whole", 1)
        hits = killed(data, Path(folder) / "killed", 2, int(argv[1]), float(argv[2]), random.Random(0))
        whole, mine = ((Path(folder) / name / "small.csv").read_bytes() for name in ("whole", "killed"))
        print(f"killed {hits} times while at work: the tables are {'the same' if whole == mine else 'DIFFERENT'}")
        sys.exit(whole != mine)


if __name__ == "__main__":
    main(sys.argv[1:])
