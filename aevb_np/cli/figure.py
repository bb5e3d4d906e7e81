"""Make a figure of the paper again, with a table of its numbers.

1 to 5 are the paper's figures, report is J. Irvin's, steps finds step sizes by the paper's rule, grid tries L samples
for each of M datapoints, ledger finds what every choice is worth that the paper leaves open, starts compares initial
values. What was stopped or killed goes on with the same command; the tables are the same to the last digit whatever
happened on the way.
"""

import argparse
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aevb_np.cli.arguments import whole

NAMES = ("1", "2", "3", "4", "5", "report", "steps", "grid", "ledger", "starts")
PLAIN_EVERY = 30.0  # seconds between lines where they cannot be written over
FAILED, INTERRUPTED = 1, 130


def add(parser: argparse.ArgumentParser) -> None:
    """The flags of `aevb figure`."""
    parser.add_argument("name", metavar="FIGURE", choices=NAMES, help=", ".join(NAMES))
    parser.add_argument(
        "--budget",
        help="quick (2 minutes), hour, full, or samples such as 1e7 (quick; steps, starts and ledger full, grid hour)",
    )
    parser.add_argument("--panel", nargs="+", metavar="P", help="only these, such as mnist-20 or mnist-aevb-3 (all)")
    parser.add_argument("--seeds", type=whole, metavar="N", help="(1; steps, grid, ledger and starts 3)")
    parser.add_argument("--jobs", type=whole, metavar="N", help="curves side by side (as many as there are cores)")
    parser.add_argument("--dask", metavar="ADDRESS", help="a Dask scheduler, instead of processes here")
    parser.add_argument("--out", type=Path, metavar="DIR", default=Path("results"), help="(results)")
    parser.add_argument("--dry-run", action="store_true", help="say how long it would take, and stop")


def run(args: argparse.Namespace) -> int:
    """Plan, train, write."""
    from aevb_np.experiments import figures
    from aevb_np.experiments.plan import budget

    length = budget(figures.usual_budget(args.name) if args.budget is None else args.budget)
    figure = figures.plan(args.name, length, args.seeds, args.panel, args.out)
    jobs = args.jobs if args.jobs is not None else min(cores(), max(len(figure.curves), 1))
    if jobs < 1:
        raise ValueError(f"--jobs is 1 or more; got {jobs}")
    if figure.note:
        print(f"note: {figure.note}; `aevb data --fetch all` brings the paper's data")
    if args.dry_run or not figure.quick:
        for line in forecast(figure, args, jobs):
            print(line, flush=True)
    if args.dry_run:
        return 0
    try:
        results, failed = train(figure, jobs, args.dask)
    except KeyboardInterrupt:
        print("stopped, and saved as far as it came. The same command goes on from there")
        return INTERRUPTED
    if figure.curves and not any(result.lines for result in results):
        return FAILED
    paths, remarks = figures.finish(figure, results)
    for line in (*map(str, paths), *remarks):
        print(line)
    return FAILED if failed else 0


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def forecast(figure: Any, args: argparse.Namespace, jobs: int) -> Iterator[str]:
    """How long it will take, measured for two seconds; and a shorter way."""
    from aevb_np.experiments import figures
    from aevb_np.experiments.curve import read_state
    from aevb_np.experiments.plan import Budget, Speeds, duration

    if not figure.curves:
        yield "nothing to train; a second or two"
        return
    print("measuring this machine ...", flush=True)
    speeds = Speeds(figure.curves)
    done = {curve.name: read_state(figure.work / curve.name).get("samples", 0) for curve in figure.curves}
    now = speeds.estimate(figure.curves, jobs, done)
    where = f"the cluster, if its workers are {jobs} cores like this one" if args.dask else f"{jobs} processes"
    line = f"{len(figure.curves)} curves, about {duration(now.seconds)} on {where if jobs > 1 else 'one process'}"
    line += f", {now.megabytes:.0f} MB in {figure.work}"
    for name in ("hour", "quick"):
        shorter = figures.plan(args.name, Budget(name), args.seeds, args.panel, args.out)
        if not shorter.note and len(shorter.curves) == len(figure.curves):
            other = speeds.estimate(shorter.curves, jobs)
            if other.seconds < 0.7 * now.seconds:
                yield f"{line}; `--budget {name}` takes {duration(other.seconds)}"
                return
    yield line


def train(figure: Any, jobs: int, dask: str | None) -> tuple[list[Any], int]:
    """Train all curves while telling how far they are; the results, and how many failed."""
    from aevb_np.experiments.sweep import Ended, executor, sweep

    results, failed = [], 0
    show = Progress()
    with politely_killed():
        for event in sweep(figure.curves, figure.work, lambda: executor(jobs, dask)):
            if not isinstance(event, Ended):
                show.underway(event)
                continue
            if event.result is None:
                show.line(f"{event.curve.name} failed: {event.error}")
                failed += 1
                continue
            results.append(event.result)
            if event.result.diverged:
                show.line(f"{event.curve.name} diverged: {event.result.diverged}")
                failed += not getattr(figure.recipe, "MAY_DIVERGE", False)
            else:
                show.line(ended(event.result))
    show.clear()
    return results, failed


def ended(result: Any) -> str:
    """A line on a curve that is through."""
    from aevb_np.experiments.plan import duration

    name, seconds = result.curve.name, duration(result.seconds)
    if not result.lines:
        return f"{name} done, {seconds}"
    last = result.lines[-1]
    if last.marginal.test == last.marginal.test:
        value = f"log p(x) train {last.marginal.train:.1f}, test {last.marginal.test:.1f}"
    else:
        value = f"train {last.train_bound:.1f}, test {last.test_bound:.1f}"
    return f"{name} done: {last.samples:,} samples, {value}, {seconds}"


class Progress:
    """A line for each curve under way and one for all: written over on a terminal, else now and then."""

    def __init__(self):
        self.over = sys.stdout is not None and sys.stdout.isatty()
        self.height = 0
        self.told = time.monotonic()

    def line(self, text: str) -> None:
        """A line that stays."""
        self.clear()
        print(text, flush=True)

    def underway(self, event: Any) -> None:
        """How far every curve is."""
        if not self.over and time.monotonic() - self.told < PLAIN_EVERY:
            return
        self.told = time.monotonic()
        self.clear()
        lines = list(described(event))
        width = shutil.get_terminal_size().columns - 1 if self.over else 200
        print("\n".join(line[:width] for line in lines), flush=True)
        self.height = len(lines) if self.over else 0

    def clear(self) -> None:
        """Take back the lines that are to be written over."""
        if self.height:
            print(f"\x1b[{self.height}F\x1b[J", end="")
        self.height = 0


def described(event: Any) -> Iterator[str]:
    """The lines of an `Underway`."""
    from aevb_np.experiments.plan import duration

    for name, state in sorted(event.states.items()):
        share = 100 * min(1.0, state["samples"] / state["of"])
        yield f"  {name}  {share:.0f} % of {state['of']:,} samples  {state['bound']}".rstrip()
    left = f", {duration(event.left)} left" if event.left == event.left else ""
    yield f"{event.ended} of {event.of} curves done, {100 * event.share:.0f} % of the work{left}"


@contextmanager
def politely_killed() -> Iterator[None]:
    """A polite kill stops as Ctrl-C does."""

    def handler(number, frame):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
