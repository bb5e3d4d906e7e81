"""How far a training is: a bar on a terminal, a plain line every ten seconds elsewhere."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

EVERY = 10.0  # seconds between plain lines


@contextmanager
def progress(run: Any) -> Iterator[Callable]:
    """A function that takes each `Progress` of the run and shows it."""
    if sys.stderr is not None and sys.stderr.isatty():
        from tqdm.auto import tqdm

        bar = tqdm(
            total=run.config.samples, initial=run.samples, unit="img", unit_scale=True, dynamic_ncols=True,
            bar_format="{percentage:3.0f}%|{bar}|{n_fmt}/{total_fmt} {remaining} {rate_fmt}{postfix}",
        )  # fmt: skip
        with bar:
            bar.set_postfix_str(newest(run, tight=True))

            def show(now):
                bar.update(min(now.samples, bar.total) - bar.n)
                if now.row:
                    bar.set_postfix_str(newest(run, tight=True))

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
        with contextlib.suppress(BrokenPipeError):  # a reader that has gone does not end a run
            print(
                f"{now.samples:,} of {self.run.config.samples:,} samples, {bounds(self.run)}, "
                f"{speed:,.0f} images/s, {left:.0f} s left",
                flush=True,
            )


def bounds(run: Any) -> str:
    """The mean of the steps since the last row, and that row's bounds, in nats per image."""
    trainer = run.trainer
    if not trainer.running_count:
        return newest(run) or "no bound yet"
    since = f"{trainer.method.row_kind.running} {trainer.running_sum / trainer.running_count:.1f}"
    return f"{since}, at {run.history[-1].samples:,}: {newest(run)}" if run.history else since


def newest(run: Any, tight: bool = False) -> str:
    """The newest row's bounds; tight with fewer blanks, so that a bar of 80 columns has room for all of it."""
    text = run.history[-1].brief if run.history else ""
    return text.replace(", ", " ").replace(" = ", "=").replace(" - ", "-") if tight else text
