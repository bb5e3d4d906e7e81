"""How much more do two training runs on two cores get done than one run? By hand, with nothing else on the machine:

    python benchmarks/side_by_side.py

784-500-20, M = 100, one process and one thread for each run, in turn: one run alone, two at the same time.
"""

import one_core  # isort: skip

import subprocess
import sys
import time

import ours
from settings import SETTINGS

TURNS, SECONDS = 5, 8


def main():
    gains = []
    for _ in range(TURNS):
        alone, together = run(one_core.CORES[:1]), run(one_core.CORES[:2])
        gains.append(sum(together) / sum(alone))
        print(f"alone {alone[0]:.0f} steps a second, side by side {together[0]:.0f} and {together[1]:.0f}: "
              f"{gains[-1]:.2f} times as much", flush=True)  # fmt: skip
    print(f"median {sorted(gains)[TURNS // 2]:.2f}")


def run(cores):
    """Steps a second of a run on each of the cores, all at the same time."""
    command = [sys.executable, __file__]
    children = [subprocess.Popen([*command, str(core)], stdout=subprocess.PIPE, text=True) for core in cores]
    return [float(child.communicate()[0]) for child in children]


def child(core):
    """Trains for a few seconds on one core, from a moment on at which every child has begun."""
    one_core.stay_on(core)
    epoch = ours.package(SETTINGS[0])
    epoch()
    start, steps = time.perf_counter(), 0
    while time.perf_counter() - start < SECONDS:
        epoch()
        steps += SETTINGS[0].steps
    print(steps / (time.perf_counter() - start))


if __name__ == "__main__":
    child(int(sys.argv[1])) if len(sys.argv) > 1 else main()
