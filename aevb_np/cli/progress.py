"""How far a training is: a bar on a terminal, a plain line every ten seconds elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

EVERY = 10.0  # seconds between plain lines


@contextmanager
def progress(run: Any) -> Iterator[Callable]:
    """A function that takes each `Progress` of the run and shows it."""
    if sys.stderr.isatty():
        from tqdm.auto import tqdm

        bar = tqdm(total=run.config.samples, initial=run.samples, unit=" images", unit_scale=True, dynamic_ncols=True)
        with bar:
            bar.set_postfix_str(bounds(run))

            def show(now):
                bar.update(min(now.samples, bar.total) - bar.n)
                if now.row:
                    bar.set_postfix_str(bounds(run))

            yield show
    else:
        yield Lines(run).show


class Lines:
    """A plain line every ten seconds and at the end."""

    def __init__(self, run: Any):
        self.run, self.first = run, run.samples
        self.began = self.told = time.monotonic()

    def show(self, now: Any) -> None:
        clock = time.monotonic()
        if clock - self.told < EVERY and now.samples < self.run.config.samples:
            return
        self.told = clock
        speed = (now.samples - self.first) / max(clock - self.began, 1e-9)
        left = max(0, self.run.config.samples - now.samples) / speed
        print(
            f"{now.samples:,} of {self.run.config.samples:,} samples, {bounds(self.run)}, "
            f"{speed:,.0f} images/s, {left:.0f} s left",
            flush=True,
        )


def bounds(run: Any) -> str:
    """The newest bounds, nats per image: of the minibatches since the last row, and of that row, test in its parts."""
    since = [f"minibatches {run.running_sum / run.running_count:.1f}"] if run.running_count else []
    if run.history:
        row = run.history[-1]
        parts = f"{row.test_bound:.1f} = {row.test_reconstruction:.1f} - KL {row.test_kl:.1f}"
        at = f"at {row.samples:,}: " if since else ""
        since.append(f"{at}train {row.train_bound:.1f}, test {parts}")
    return ", ".join(since) or "no bound yet"
